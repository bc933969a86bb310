import { oneLine } from '../../telemetry/one-line.ts';

const GAP = '  ';

/**
 * Rows below their heads, in columns; nothing in them breaks a line or steers the terminal. Columns of numbers stand to the right.
 *
 * @param heads one that begins with a blank is of numbers
 */
export function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const titles = heads.map((head) => head.trimStart());
  const cells = [titles, ...rows.map((row) => row.map(oneLine))];
  const widths = titles.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  return cells.map((row) => lineOf(row, heads, widths)).join('\n');
}

function lineOf(row: readonly string[], heads: readonly string[], widths: readonly number[]): string {
  const padded = row.map((cell, column) => {
    const width = widths[column] ?? 0;
    return heads[column]?.startsWith(' ') ? cell.padStart(width) : cell.padEnd(width);
  });
  return padded.join(GAP).trimEnd();
}

/** `12,345`. */
export function count(value: number): string {
  return value.toLocaleString('en-US');
}
