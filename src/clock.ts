/** A timer that has not fired yet. */
export interface Timer {
  /** Harmless when the timer has fired or was cancelled before. */
  cancel(): void;
}

/** Where every part reads the time and sets its timers, so that a test can hold both. */
export interface Clock {
  /** Whole milliseconds since the Unix epoch; may jump when the host's clock is set. */
  now(): number;
  /** Milliseconds since some fixed moment; never goes back. For durations. */
  monotonic(): number;
  /** Milliseconds in which the event loop had nothing to do, so far: while it is at work, it hears from nobody. */
  idled(): number;
  /** Calls `callback` once, `delayMs` from now. Any delay is allowed; negative ones count as 0. */
  after(delayMs: number, callback: () => void): Timer;
  /**
   * Calls `callback` once when `now` reads `epochMs`, within the millisecond where nothing else keeps the event loop; at
   * some price, for what must not be late. Where the host's clock is set meanwhile, it may read anything then.
   */
  at(epochMs: number, callback: () => void): Timer;
}

/** Node fires at once, with a warning, when asked to wait longer. */
const LONGEST_NODE_DELAY_MS = 2 ** 31 - 1;

/** Node's timers fire as much too late. */
const TIMER_LATENESS_MS = 2;

/** The host's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  idled: () => performance.eventLoopUtilization().idle,
  after(delayMs, callback) {
    let handle: NodeJS.Timeout;
    const wait = (restMs: number): void => {
      const stepMs = Math.min(restMs, LONGEST_NODE_DELAY_MS);
      handle = setTimeout(() => (restMs > stepMs ? wait(restMs - stepMs) : callback()), stepMs);
    };
    wait(Math.max(0, delayMs));
    return { cancel: () => clearTimeout(handle) };
  },
  at(epochMs, callback) {
    const delayMs = epochMs - Date.now();
    const latest = performance.now() + delayMs;
    let turn: NodeJS.Immediate | undefined;
    const look = (): void => {
      if (Date.now() >= epochMs || performance.now() >= latest) callback();
      else turn = setImmediate(look);
    };
    const timer = systemClock.after(delayMs - TIMER_LATENESS_MS, look);
    return {
      cancel() {
        timer.cancel();
        clearImmediate(turn);
      },
    };
  },
};

/**
 * Resolves after `delayMs`, or as soon as `signal` aborts: look at `signal.aborted` afterwards.
 */
export function pause(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = (): void => {
      timer.cancel();
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = clock.after(delayMs, done);
    signal?.addEventListener('abort', done, { once: true });
  });
}

/** True when `promise` settles (either way) within `delayMs`, false when the time is over first. */
export async function settlesWithin(
  clock: Clock,
  delayMs: number,
  promise: Promise<unknown>,
): Promise<boolean> {
  return await new Promise((resolve) => {
    const limit = clock.after(delayMs, () => resolve(false));
    const settled = (): void => {
      limit.cancel();
      resolve(true);
    };
    promise.then(settled, settled);
  });
}

/**
 * Calls `work` every `periodMs`, for the first time after the first period, and waits for it before the next time.
 * It must not reject. Returns the function that ends it.
 */
export function every(clock: Clock, periodMs: number, work: () => Promise<unknown>): () => void {
  let timer: Timer;
  let isStopped = false;
  const tick = async (): Promise<void> => {
    const dueAt = clock.monotonic() + periodMs;
    await work();
    if (!isStopped) timer = clock.after(dueAt - clock.monotonic(), () => void tick());
  };
  timer = clock.after(periodMs, () => void tick());
  return () => {
    isStopped = true;
    timer.cancel();
  };
}
