/** From this length on native calls are quicker than a loop over the characters. */
const SHORT_TEXT = 12;

const BLANK = 0x20;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const TILDE = 0x7e;

/**
 * Writes a text with its quotes, if every character stands for itself in a JSON text of ASCII, and returns where it
 * ends; undefined when something has to be escaped. There must be room for 3 bytes a character, and the quotes.
 */
export function writePlainText(buffer: Buffer, start: number, text: string): number | undefined {
  const { length } = text;
  const isWritten =
    length > SHORT_TEXT ? writeLong(buffer, start + 1, text) : writeShort(buffer, start + 1, text);
  if (!isWritten) return undefined;
  buffer[start] = QUOTE;
  buffer[start + 1 + length] = QUOTE;
  return start + length + 2;
}

function writeShort(buffer: Buffer, start: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (!isPlain(code)) return false;
    buffer[start + i] = code;
  }
  return true;
}

function writeLong(buffer: Buffer, start: number, text: string): boolean {
  const { length } = text;
  if (buffer.write(text, start) !== length) return false;
  for (let at = start; at < start + length; at++) if (!isPlain(buffer[at] ?? 0)) return false;
  return true;
}

function isPlain(code: number): boolean {
  return code >= BLANK && code <= TILDE && code !== QUOTE && code !== BACKSLASH;
}
