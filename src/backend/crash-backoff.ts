import type { Clock } from '../clock.ts';

/** So many crashes without a run that came to its end in between: the next process has to wait. */
const CRASHES_IN_A_ROW = 5;
const FIRST_WAIT_MS = 5_000;
const LONGEST_WAIT_MS = 300_000;

/** Why no run of a package begins for a while. */
export interface CrashWait {
  /** Epoch ms. */
  readonly until: number;
  readonly reason: string;
}

/** Counts the crashes of a package's processes; from the fifth in a row on each makes it wait, longer each time. */
export class CrashBackoff {
  readonly #clock: Clock;
  #crashes = 0;
  #waitsUntil = Number.NEGATIVE_INFINITY;
  #wait: CrashWait = { until: 0, reason: '' };

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * A process ended through the package's own fault. Returns what it has to wait for after that, if anything.
   *
   * @param how in words: `exited with status 3`.
   */
  crashed(how: string): CrashWait | undefined {
    this.#crashes++;
    if (this.#crashes < CRASHES_IN_A_ROW) return undefined;
    const waitMs = Math.min(FIRST_WAIT_MS * 2 ** (this.#crashes - CRASHES_IN_A_ROW), LONGEST_WAIT_MS);
    this.#waitsUntil = this.#clock.monotonic() + waitMs;
    const reason = `its process crashed ${this.#crashes} times in a row, the last time: ${how}`;
    this.#wait = { until: this.#clock.now() + waitMs, reason };
    return this.#wait;
  }

  /** A run came to its end: the package works. */
  recovered(): void {
    if (this.#crashes === 0) return;
    this.#crashes = 0;
    this.#waitsUntil = Number.NEGATIVE_INFINITY;
  }

  /** How long it has to wait still, ms; 0: not at all. */
  get restMs(): number {
    return Math.max(0, this.#waitsUntil - this.#clock.monotonic());
  }

  /** undefined while it need not wait. */
  get current(): CrashWait | undefined {
    return this.restMs > 0 ? this.#wait : undefined;
  }
}
