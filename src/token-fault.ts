/** A header carries it, in one request after another. */
const LONGEST_TOKEN = 4_096;

/** Why a text is no token of the API, without a word of it; undefined when it is one. */
export function tokenFault(text: string): string | undefined {
  if (text.trim() === '') return 'the token is empty';
  if (/[\r\n]/.test(text)) return 'the token has a line break in it';
  if (!/^[\x21-\x7e]+$/.test(text)) return 'the token has a blank or a letter in it that is not ASCII';
  if (/^\$\{.*\}$/.test(text)) return 'the token is a reference that was not replaced by what it names';
  if (text.length > LONGEST_TOKEN) return `the token has more than ${LONGEST_TOKEN} characters`;
  return undefined;
}
