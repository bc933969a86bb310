const UNITS = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000, ms: 1 } as const;

const NUMBER = /^\d+(?:\.\d+)?$/;
const NUMBER_SOURCE = String.raw`\d+(?:\.\d+)?`;
const IN_UNITS = new RegExp(
  `^(?=\\d)${Object.keys(UNITS)
    .map((unit) => `(?:(?<${unit}>${NUMBER_SOURCE})${unit})?`)
    .join('')}$`,
);

/**
 * Reads a duration: `90s`, `5m`, `1h30m`, `1.5h`, `500ms` (units d, h, m, s, ms, largest first), or a number of
 * seconds.
 *
 * @returns milliseconds, not negative.
 * @throws RangeError with a text for the person who wrote it.
 */
export function parseDuration(text: string | number): number {
  const ms = typeof text === 'number' ? text * UNITS.s : readText(text.trim());
  if (ms === undefined || !(ms >= 0) || ms > Number.MAX_SAFE_INTEGER) throw noDuration(text);
  return Math.round(ms);
}

function readText(text: string): number | undefined {
  if (NUMBER.test(text)) return Number(text) * UNITS.s;
  const groups = IN_UNITS.exec(text)?.groups;
  if (!groups) return undefined;
  let ms = 0;
  for (const [unit, unitMs] of Object.entries(UNITS)) ms += Number(groups[unit] ?? 0) * unitMs;
  return ms;
}

function noDuration(text: string | number): RangeError {
  return new RangeError(`'${text}' is no duration: write 90s, 5m, 1h30m, or a number of seconds`);
}
