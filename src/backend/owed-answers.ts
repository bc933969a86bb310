import type { Clock, Timer } from '../clock.ts';
import type { HandOutWindow } from './window.ts';

/** A child that owes an answer for so long is silent. */
export const SILENT_MS = 10_000;
const LOOK_AGAIN_MS = 100;

export interface OwedAnswersOptions {
  readonly clock: Clock;
  readonly window: HandOutWindow;
  /** Whether there is a run that it could owe an answer for. */
  readonly isNeeded: () => boolean;
  /** Called when an answer is owed for {@link SILENT_MS}. */
  readonly onSilent: () => void;
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
    this.#lookAfter(SILENT_MS, false);
  }

  end(): void {
    this.#timer?.cancel();
  }

  #lookAfter(delayMs: number, isSecondLook: boolean): void {
    this.#timer ??= this.#options.clock.after(delayMs, () => this.#look(isSecondLook));
  }

  #look(isSecondLook: boolean): void {
    const { clock, window, isNeeded, onSilent } = this.#options;
    this.#timer = undefined;
    const owedFor = window.owedFor(clock.monotonic());
    if (owedFor < SILENT_MS) {
      if (isNeeded()) this.#lookAfter(SILENT_MS - owedFor, false);
    } else if (isSecondLook) onSilent();
    // A daemon that stood still itself may not have read the answer yet.
    else this.#lookAfter(LOOK_AGAIN_MS, true);
  }
}
