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

/** Whether somebody who keeps to this rate cannot have done it `count` times within `elapsedMs`. */
export function isBeyond({ atOnce, perSecond }: Rate, count: number, elapsedMs: number): boolean {
  return count > SLACK * (atOnce + (perSecond * elapsedMs) / 1_000);
}
