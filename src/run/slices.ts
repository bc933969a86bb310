import type { Clock } from '../clock.ts';

/** Lets work that comes all at once be done a slice at a time: between two slices the event loop turns. */
export class Slices {
  readonly #clock: Clock;
  readonly #sliceMs: number;
  /** undefined: nothing was done in this turn of the event loop. */
  #sliceEnd: number | undefined;
  #waiting: (() => void)[] = [];
  #first = 0;

  constructor(clock: Clock, sliceMs: number) {
    this.#clock = clock;
    this.#sliceMs = sliceMs;
  }

  /** Call it before each piece of work: undefined when that may be done at once, else what to wait for, in order. */
  turn(): Promise<void> | undefined {
    if (this.#sliceEnd === undefined) this.#begin();
    if (this.#first === this.#waiting.length && this.#isTime()) return undefined;
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #isTime(): boolean {
    return this.#sliceEnd === undefined || this.#clock.monotonic() < this.#sliceEnd;
  }

  #begin(): void {
    this.#sliceEnd = this.#clock.monotonic() + this.#sliceMs;
    setImmediate(() => void this.#next());
  }

  /** Each piece of work is done before the next is let in. */
  async #next(): Promise<void> {
    this.#sliceEnd = undefined;
    if (this.#first === this.#waiting.length) {
      this.#waiting = [];
      this.#first = 0;
      return;
    }
    this.#begin();
    while (this.#first < this.#waiting.length && this.#isTime()) {
      this.#waiting[this.#first++]?.();
      await Promise.resolve();
    }
  }
}
