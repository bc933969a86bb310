const UNITS: readonly (readonly [ms: number, unit: string])[] = [
  [3_600_000, 'h'],
  [60_000, 'm'],
  [1_000, 's'],
];

/** A duration as people write it in a policy: `5m`, `1h30m`, `2.5s`. */
export function durationText(durationMs: number): string {
  let restMs = durationMs;
  let text = '';
  for (const [ms, unit] of UNITS) {
    const count = unit === 's' ? restMs / ms : Math.floor(restMs / ms);
    restMs -= count * ms;
    if (count > 0) text += `${count}${unit}`;
  }
  return text || '0s';
}
