import type { Clock, Timer } from '../clock.ts';
import { type HandOutWindow, STUCK_MS } from './window.ts';

const LOOK_AGAIN_MS = 100;

export interface OwedAnswersOptions {
  readonly clock: Clock;
  readonly window: HandOutWindow;
  /** Whether there is a run that it could owe an answer for. */
  readonly isNeeded: () => boolean;
  /** Called when an answer is owed for {@link STUCK_MS}. */
  readonly onStuck: () => void;
}

/** Looks, when the time has come, for how long a child has owed an answer for runs that it was handed. */
export class OwedAnswers {
  readonly #options: OwedAnswersOptions;
  #timer: Timer | undefined;

  constructor(options: OwedAnswersOptions) {
    this.#options = options;
  }

  /** Call it whenever a run was handed over. */
  begin(): void {
    this.#lookAfter(STUCK_MS, false);
  }

  end(): void {
    this.#timer?.cancel();
  }

  #lookAfter(delayMs: number, isSecondLook: boolean): void {
    this.#timer ??= this.#options.clock.after(delayMs, () => this.#look(isSecondLook));
  }

  #look(isSecondLook: boolean): void {
    const { clock, window, isNeeded, onStuck } = this.#options;
    this.#timer = undefined;
    const now = clock.monotonic();
    if (!window.isStuck(now)) {
      if (isNeeded()) this.#lookAfter(STUCK_MS - window.owedFor(now), false);
    } else if (isSecondLook) onStuck();
    // A daemon that stood still itself may not have read the answer yet.
    else this.#lookAfter(LOOK_AGAIN_MS, true);
  }
}
