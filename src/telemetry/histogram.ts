/** Upper bounds of the latencies' buckets in ms, inclusive (sheet: Metrics); one more bucket takes what is longer. */
export const LATENCY_BOUNDS_MS: readonly number[] = [
  0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1_000, 2_500, 5_000, 7_500, 10_000,
];

/** How long things took. */
export class LatencyHistogram {
  /** A count for each bound, and one for what is longer than all of them. */
  readonly counts: number[] = Array.from({ length: LATENCY_BOUNDS_MS.length + 1 }, () => 0);
  count = 0;
  sum = 0;
  min = Number.POSITIVE_INFINITY;
  max = Number.NEGATIVE_INFINITY;

  record(durationMs: number): void {
    let bucket = 0;
    while (durationMs > (LATENCY_BOUNDS_MS[bucket] ?? Number.POSITIVE_INFINITY)) bucket += 1;
    this.counts[bucket] = (this.counts[bucket] ?? 0) + 1;
    this.count += 1;
    this.sum += durationMs;
    if (durationMs < this.min) this.min = durationMs;
    if (durationMs > this.max) this.max = durationMs;
  }
}
