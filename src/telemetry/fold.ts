import type { Logger } from 'pino';
import type { Clock, Timer } from '../clock.ts';

/** How long repetitions of a line are counted before they are told. */
const WINDOW_MS = 60_000;
/** Different lines that are remembered at once; past it the oldest is told and forgotten. */
const CAPACITY = 10_000;

type FoldedLevel = 'warn' | 'error';

interface Repetition {
  log: Logger;
  readonly level: FoldedLevel;
  readonly message: string;
  untold: number;
  readonly windowEndsAt: number;
}

/**
 * Writes a line that repeats once, and then at most once a minute with `(N more times)`. What is the same line is
 * said by the caller's key. Remembers a bounded number of lines.
 */
export class Fold {
  /** In the order in which their windows end. */
  readonly #repetitions = new Map<string, Repetition>();
  readonly #clock: Clock;
  #timer: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param log carries the fields of this occurrence; the last one's are written with the count. */
  write(log: Logger, level: FoldedLevel, key: string, message: string): void {
    const known = this.#repetitions.get(key);
    if (known !== undefined) {
      known.untold += 1;
      known.log = log;
      return;
    }
    this.#makeRoom();
    log[level](message);
    this.#open(key, { log, level, message });
    this.#arm();
  }

  /** Tells what was counted and not told yet, and sets no timer any more. */
  stop(): void {
    this.#timer?.cancel();
    for (const repetition of this.#repetitions.values()) tell(repetition);
    this.#repetitions.clear();
  }

  #open(key: string, line: Pick<Repetition, 'log' | 'level' | 'message'>): void {
    this.#repetitions.set(key, { ...line, untold: 0, windowEndsAt: this.#clock.monotonic() + WINDOW_MS });
  }

  #makeRoom(): void {
    if (this.#repetitions.size < CAPACITY) return;
    const oldest = this.#repetitions.entries().next().value;
    if (oldest === undefined) return;
    this.#repetitions.delete(oldest[0]);
    tell(oldest[1]);
  }

  /** Sets the timer for the window that ends first. */
  #arm(): void {
    const first = this.#repetitions.values().next().value;
    if (this.#timer !== undefined || first === undefined) return;
    const restMs = first.windowEndsAt - this.#clock.monotonic();
    this.#timer = this.#clock.after(restMs, () => this.#closeWindows());
  }

  /** A line that went on repeating is told and gets a new window; one that stopped is forgotten. */
  #closeWindows(): void {
    this.#timer = undefined;
    const now = this.#clock.monotonic();
    for (const [key, repetition] of this.#repetitions) {
      if (repetition.windowEndsAt > now) break;
      this.#repetitions.delete(key);
      if (tell(repetition)) this.#open(key, repetition);
    }
    this.#arm();
  }
}

function tell({ log, level, message, untold }: Repetition): boolean {
  if (untold > 0) log[level](`${message} (${untold} more ${untold === 1 ? 'time' : 'times'})`);
  return untold > 0;
}
