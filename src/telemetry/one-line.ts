/** C0 and C1 controls and the separators that some readers take for line ends: they break lines and steer terminals. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;
const SHORT_ESCAPES: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** The text with its control characters written as escapes, so that it stays one harmless line. */
export function oneLine(text: string): string {
  return text.replace(CONTROLS, escapeControl);
}

function escapeControl(character: string): string {
  const code = character.charCodeAt(0).toString(16).padStart(4, '0');
  return SHORT_ESCAPES[character] ?? `\\u${code}`;
}
