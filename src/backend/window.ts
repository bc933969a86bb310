import type { Clock } from '../clock.ts';

/** A child that takes this long to answer has its hands full. */
const PROMPT_MS = 5;

/** A child that takes longer has its hands so full that others are asked before it. */
export const QUICK_MS = 100;

/** A child that takes this long may never answer again. */
export const STUCK_MS = 10_000;

/**
 * How many runs a child may be handed before it has answered for them: that it entered them, and that its event loop
 * went on after that. One at first, twice as many with each prompt answer: so ten thousand short runs do not wait
 * for answers, while heavy ones are not handed to a child that is busy when another could take them, and nothing is
 * handed to one that spins. Times are milliseconds of a monotonic clock.
 */
export class HandOutWindow {
  readonly #clock: Pick<Clock, 'idled'>;
  #size = 1;
  #unanswered = 0;
  #answeredAt = Number.NEGATIVE_INFINITY;
  /** What the daemon had idled by then. */
  #idledBefore = 0;
  #isLate = false;

  constructor(clock: Pick<Clock, 'idled'>) {
    this.#clock = clock;
  }

  /** True when one more may be handed over. */
  get isOpen(): boolean {
    return this.#unanswered < this.#size;
  }

  /** True when the last answer came late, or one is owed for too long. */
  isBusy(now: number): boolean {
    return this.#isLate || this.owedFor(now) > PROMPT_MS;
  }

  /** True when no answer is owed for long. */
  isQuick(now: number): boolean {
    return this.owedFor(now) < QUICK_MS;
  }

  /** True when an answer is owed for so long that it may never come. */
  isStuck(now: number): boolean {
    return this.owedFor(now) >= STUCK_MS;
  }

  handed(now: number): void {
    if (this.#unanswered === 0) {
      if (now - this.#answeredAt > PROMPT_MS) this.#size = 1;
      this.#noteAnswer(now);
    }
    this.#unanswered++;
  }

  /**
   * The child answers for so many runs. Returns false when they are more than it was handed. An answer is late when the
   * daemon has waited for it: one that lay there while the daemon was at work itself may have come at any time.
   */
  answered(runs: number, now: number): boolean {
    if (runs > this.#unanswered) return false;
    this.#isLate = this.#clock.idled() - this.#idledBefore > PROMPT_MS;
    this.#size = this.#isLate ? Math.max(1, this.#size >> 1) : this.#size + runs;
    this.#unanswered -= runs;
    this.#noteAnswer(now);
    return true;
  }

  #noteAnswer(now: number): void {
    this.#answeredAt = now;
    this.#idledBefore = this.#clock.idled();
  }

  /** The child has nothing to do any more. */
  rest(): void {
    this.#isLate = false;
  }

  /** How long an answer is owed, ms. */
  owedFor(now: number): number {
    return this.#unanswered > 0 ? now - this.#answeredAt : 0;
  }
}
