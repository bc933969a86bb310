/** What file systems allow, in bytes. */
const LONGEST_NAME = 255;
const NOT_IN_A_NAME = /[^\p{L}\p{N}_-]/gu;

/**
 * `APP_NANOSECONDS.json`, with all in the app's name but letters and digits of any script, `_` and `-` turned into `_`
 * (sheet: Dry run). A name that is too long for a file is cut.
 */
export function dryRunFileName(appName: string, nanoseconds: bigint): string {
  const ending = `_${nanoseconds}.json`;
  const name = appName.replace(NOT_IN_A_NAME, '_');
  return `${cutToBytes(name, LONGEST_NAME - Buffer.byteLength(ending))}${ending}`;
}

/** The longest start of `text` whose UTF-8 form has at most `limit` bytes, never half a character. */
function cutToBytes(text: string, limit: number): string {
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(limit));
  return text.slice(0, read);
}
