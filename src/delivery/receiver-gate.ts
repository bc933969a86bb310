import type { Clock, Timer } from '../clock.ts';
import { backoffMs, LONGEST_DELAY_MS } from './backoff.ts';

/** How it went at the gate: `granted`, the signal aborted, or the receiver stayed away for too long. */
export type Entry = 'granted' | 'aborted' | 'weary';

/** What a call came to: the receiver answered, whatever it said; it was away; it will not work as it is configured; nobody knows. */
export type CallResult = 'answered' | 'away' | 'misconfigured' | 'unknown';

interface Waiter {
  readonly since: number;
  readonly admit: (entry: Entry) => void;
}

/** What somebody who was let through says when the call is over. */
export interface Leaving {
  readonly result: CallResult;
  /** As it was when the call began. */
  readonly epoch: number;
  /** From 0 to 1. */
  readonly random: number;
  readonly words: string;
}

export interface GateOptions {
  readonly clock: Clock;
  /** Calls under way at once while the receiver is well. */
  readonly maxCalls: number;
  /** How long anybody waits for a receiver that is away. */
  readonly patienceMs: number;
}

/**
 * Lets calls through to the receiver in the order in which they come: some at once while it is well, one at a time, and
 * less and less often, while it is away, whoever it is that waits.
 */
export class ReceiverGate {
  readonly #options: GateOptions;
  readonly #line = new Set<Waiter>();
  #underWay = 0;
  /** Counts changes between well and away: a failure of a call from before the last one says nothing new. */
  #epoch = 0;
  #failures = 0;
  /** By the monotonic clock, as `#openAt`. */
  #awaySince = 0;
  #openAt = 0;
  #timer: Timer | undefined;
  #lastWords = '';

  constructor(options: GateOptions) {
    this.#options = options;
  }

  /**
   * Whoever is `granted` entry leaves again.
   *
   * @param since when the caller began to try, by the monotonic clock
   */
  enter(since: number, signal: AbortSignal): Promise<Entry> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve('aborted');
      const admit = (entry: Entry): void => {
        this.#line.delete(waiter);
        signal.removeEventListener('abort', onAbort);
        resolve(entry);
      };
      const onAbort = (): void => {
        admit('aborted');
        this.#serve();
      };
      const waiter = { since, admit };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#line.add(waiter);
      this.#serve();
    });
  }

  /** What a call that begins now belongs to. */
  get epoch(): number {
    return this.#epoch;
  }

  leave({ result, epoch, random, words }: Leaving): void {
    this.#underWay--;
    if (result === 'answered') this.#noteAnswer();
    else if (result !== 'unknown') {
      this.#lastWords = words;
      if (epoch === this.#epoch) this.#noteFailure(result, random);
    }
    this.#serve();
  }

  /** What the last call that failed had to say. */
  get lastWords(): string {
    return this.#lastWords;
  }

  /** How long nobody is let through, in ms; undefined while the receiver is well. */
  get closedForMs(): number | undefined {
    return this.#failures === 0 ? undefined : Math.max(0, this.#openAt - this.#now);
  }

  get #now(): number {
    return this.#options.clock.monotonic();
  }

  #noteAnswer(): void {
    if (this.#failures === 0) return;
    this.#failures = 0;
    this.#epoch++;
  }

  #noteFailure(result: CallResult, random: number): void {
    if (this.#failures === 0) this.#awaySince = this.#now;
    this.#failures++;
    this.#epoch++;
    const delayMs = result === 'away' ? backoffMs(this.#failures, random) : LONGEST_DELAY_MS;
    this.#openAt = this.#now + delayMs;
    for (const { since, admit } of this.#line) {
      if (this.#now - Math.max(since, this.#awaySince) >= this.#options.patienceMs) admit('weary');
    }
  }

  #serve(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const limit = this.#failures === 0 ? this.#options.maxCalls : 1;
    for (const waiter of this.#line) {
      if (this.#underWay >= limit) return;
      const closedForMs = this.closedForMs ?? 0;
      if (closedForMs > 0) {
        this.#timer = this.#options.clock.after(closedForMs, () => this.#serve());
        return;
      }
      this.#underWay++;
      waiter.admit('granted');
    }
  }
}
