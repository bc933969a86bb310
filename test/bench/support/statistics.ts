/** The value that `share` (0 to 1) of the samples do not exceed. */
export function quantile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export function median(samples: readonly number[]): number {
  return quantile(samples, 0.5);
}

/** `12 ms (11 to 15)`: the median, and the smallest and largest sample. */
export function spread(samples: readonly number[], unit: string, digits = 0): string {
  const text = (value: number): string => grouped(value, digits);
  const range = `${text(Math.min(...samples))} to ${text(Math.max(...samples))}`;
  return `${text(median(samples))}${unit} (${range})`;
}

export function grouped(value: number, digits = 0): string {
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
