/**
 * A list of names as upstream writes it: `['a', "it's"]`, the way Python shows a list of strings
 * (sheet: REST, POST).
 */
export function pythonList(texts: readonly string[]): string {
  return `[${texts.map(pythonString).join(', ')}]`;
}

function pythonString(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const special = quote === '"' ? /[\\\p{C}\p{Z}]/gu : /[\\'\p{C}\p{Z}]/gu;
  return quote + text.replace(special, escaped) + quote;
}

const shortEscapes: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', ' ': ' ' };

function escaped(character: string): string {
  return shortEscapes[character] ?? numericEscape(character);
}

/** A backslash before what has a shape of its own; the code point of what has none. */
function numericEscape(character: string): string {
  if (character === '\\' || character === "'") return `\\${character}`;
  const hex = (character.codePointAt(0) ?? 0).toString(16);
  if (hex.length <= 2) return `\\x${hex.padStart(2, '0')}`;
  if (hex.length <= 4) return `\\u${hex.padStart(4, '0')}`;
  return `\\U${hex.padStart(8, '0')}`;
}
