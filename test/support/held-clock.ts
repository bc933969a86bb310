import { setImmediate as nextTurn } from 'node:timers/promises';
import TinyQueue from 'tinyqueue';
import type { Clock, Timer } from '../../src/clock.ts';

interface HeldTimer {
  readonly dueAt: number;
  readonly sequence: number;
  readonly callback: () => void;
}

/** A clock that stands still until a test moves it. */
export class HeldClock implements Clock {
  #wallOffset: number;
  #elapsed = 0;
  #worked = 0;
  #sequence = 0;
  readonly #live = new Set<HeldTimer>();
  readonly #queue = new TinyQueue<HeldTimer>([], (a, b) => a.dueAt - b.dueAt || a.sequence - b.sequence);

  /** @param startAt what `now` says before the first `advance`, epoch ms. */
  constructor(startAt: number = Date.UTC(2026, 0, 1)) {
    this.#wallOffset = startAt;
  }

  now(): number {
    return Math.floor(this.#wallOffset + this.#elapsed);
  }

  monotonic(): number {
    return this.#elapsed;
  }

  /** While the time moves on nobody is at work. */
  idled(): number {
    return this.#elapsed - this.#worked;
  }

  after(delayMs: number, callback: () => void): Timer {
    const dueAt = this.#elapsed + Math.max(0, delayMs);
    const timer: HeldTimer = { dueAt, sequence: this.#sequence++, callback };
    this.#live.add(timer);
    this.#queue.push(timer);
    return { cancel: () => void this.#live.delete(timer) };
  }

  at(epochMs: number, callback: () => void): Timer {
    return this.after(epochMs - this.now(), callback);
  }

  /** Timers that are set and have neither fired nor been cancelled. */
  get pending(): number {
    return this.#live.size;
  }

  /**
   * Moves the time on. Fires what comes due in order, each at its own moment, those set meanwhile included;
   * after each one, whatever does not wait for the world outside may settle.
   */
  async advance(ms: number): Promise<void> {
    const target = this.#elapsed + ms;
    await settle();
    for (let timer = this.#takeDue(target); timer; timer = this.#takeDue(target)) {
      this.#elapsed = Math.max(this.#elapsed, timer.dueAt);
      timer.callback();
      await settle();
    }
    this.#elapsed = Math.max(this.#elapsed, target);
  }

  /** Lets time pass while the caller is at work: nothing fires meanwhile. */
  pass(ms: number): void {
    this.#elapsed += ms;
    this.#worked += ms;
  }

  /** Sets the wall clock, as an operator or a time server does: `now` jumps, timers and `monotonic` do not notice. */
  jump(ms: number): void {
    this.#wallOffset += ms;
  }

  #takeDue(target: number): HeldTimer | undefined {
    for (let timer = this.#queue.peek(); timer && timer.dueAt <= target; timer = this.#queue.peek()) {
      this.#queue.pop();
      if (this.#live.delete(timer)) return timer;
    }
    return undefined;
  }
}

/** Two turns of the event loop: promises, and what was put off to the next turn by them. */
async function settle(): Promise<void> {
  await nextTurn();
  await nextTurn();
}
