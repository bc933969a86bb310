import type { Clock } from '../clock.ts';

/** How often something may happen: this many times at once, and this many a second in the long run. */
export interface Rate {
  readonly atOnce: number;
  readonly perSecond: number;
}

/** Lets a thing happen as often as its rate says. */
export class RateLimit {
  readonly #rate: Rate;
  #left: number;
  #refilledAt: number;

  /** @param now as in {@link take}. */
  constructor(rate: Rate, now: number) {
    this.#rate = rate;
    this.#left = rate.atOnce;
    this.#refilledAt = now;
  }

  /** Takes one turn, if there is one. @param now ms of a monotonic clock. */
  take(now: number): boolean {
    const { atOnce, perSecond } = this.#rate;
    this.#left = Math.min(atOnce, this.#left + ((now - this.#refilledAt) * perSecond) / 1_000);
    this.#refilledAt = now;
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }
}

/** The daemon's limit is wider than the isolate's own: only what is none of ours goes beyond it. */
const SLACK = 2;

/** Looks whether somebody who is not trusted keeps to a rate. */
export class RateCheck {
  readonly #rate: Rate;
  readonly #clock: Clock;
  readonly #since: number;
  #count = 0;

  /** From now on. */
  constructor(rate: Rate, clock: Clock) {
    this.#rate = rate;
    this.#clock = clock;
    this.#since = clock.monotonic();
  }

  /** Counts one more; returns false when nobody who keeps to the rate can have come so far by now. */
  count(): boolean {
    const { atOnce, perSecond } = this.#rate;
    const elapsedMs = this.#clock.monotonic() - this.#since;
    return ++this.#count <= SLACK * (atOnce + (perSecond * elapsedMs) / 1_000);
  }
}
