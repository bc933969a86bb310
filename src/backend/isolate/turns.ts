import { NativePromise, now, setImmediate } from './natives.ts';

/** Longest time that runs work without a look at messages, timers and sockets. */
const SLICE_MS = 10;
/** The same while a batch is on its way: each look at the socket hands over a part of it. */
const SENDING_SLICE_MS = 1;

/**
 * Shares the event loop between runs that never wait by themselves: each works for a slice, then lets messages and
 * timers be handled, then one other run at a time has its slice.
 */
export class Turns {
  readonly #isSending: () => boolean;
  #sliceBeganAt = Number.NEGATIVE_INFINITY;
  readonly #waiting: (() => void)[] = [];

  /** @param isSending true while bytes wait for the daemon to read them. */
  constructor(isSending: () => boolean) {
    this.#isSending = isSending;
  }

  /** True when it is time to wait for the {@link next} turn. */
  isOver(): boolean {
    const workedMs = now() - this.#sliceBeganAt;
    return workedMs >= SLICE_MS || (workedMs >= SENDING_SLICE_MS && this.#isSending());
  }

  /** Resolves at the beginning of this caller's next slice. */
  next(): Promise<void> {
    return new NativePromise((resolve) => {
      if (this.#waiting.push(resolve) === 1) setImmediate(this.#begin);
    });
  }

  readonly #begin = (): void => {
    this.#sliceBeganAt = now();
    const resume = this.#waiting.shift();
    if (this.#waiting.length > 0) setImmediate(this.#begin);
    resume?.();
  };
}
