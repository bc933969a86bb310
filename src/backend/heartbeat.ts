import type { Clock, Timer } from '../clock.ts';

const PING_EVERY_MS = 5_000;
const MOST_UNANSWERED = 3;

/** How long a child may be silent, ms. */
export const LONGEST_SILENCE_MS = MOST_UNANSWERED * PING_EVERY_MS;

export interface HeartbeatOptions {
  readonly clock: Clock;
  /** Whether there is anybody whom the child's silence could hurt. */
  readonly isNeeded: () => boolean;
  readonly ping: () => void;
  /** Called once, when it did not answer. */
  readonly onSilent: () => void;
}

/** Finds out whether a child's event loop still turns. */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  #timer: Timer | undefined;
  #unanswered = 0;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
  }

  /** Call it whenever it may be needed from now on. */
  begin(): void {
    if (this.#timer !== undefined || !this.#options.isNeeded()) return;
    this.#unanswered = 0;
    this.#wait();
  }

  /** The child has said something, whatever that was. */
  heard(): void {
    this.#unanswered = 0;
  }

  end(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #wait(): void {
    this.#timer = this.#options.clock.after(PING_EVERY_MS, () => this.#beat());
  }

  #beat(): void {
    const { isNeeded, ping, onSilent } = this.#options;
    this.#timer = undefined;
    if (!isNeeded()) return;
    if (this.#unanswered === MOST_UNANSWERED) {
      onSilent();
      return;
    }
    this.#unanswered++;
    ping();
    this.#wait();
  }
}
