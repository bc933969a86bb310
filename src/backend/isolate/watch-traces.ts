import type { Channel } from './channel.ts';
import { clearTimeout, now, setTimeout } from './natives.ts';
import { Traces } from './traces.ts';

/** It takes a part of a millisecond, too much after each of ten thousand short runs. */
const COMPARE_EVERY_MS = 100;

/** What is at work so long after the last run is left over, and no connection that is about to close. */
const LEFT_AFTER_MS = 1_500;

/** Tells the daemon once when runs have spoilt the process for those that come later. */
export class TraceWatch {
  readonly #channel: Channel;
  readonly #traces = new Traces();
  readonly #isIdle: () => boolean;
  #comparedAt = Number.NEGATIVE_INFINITY;
  #compare: NodeJS.Timeout | undefined;
  #look: NodeJS.Timeout | undefined;
  #isSpoilt = false;

  /** Made when the package has been imported. @param isIdle true while no run is in the process. */
  constructor(channel: Channel, isIdle: () => boolean) {
    this.#channel = channel;
    this.#isIdle = isIdle;
  }

  /** Call it when a run is over. */
  runEnded(): void {
    const restMs = this.#comparedAt + COMPARE_EVERY_MS - now();
    if (restMs <= 0) this.#compareNow();
    else this.#compare ??= setTimeout(() => this.#compareNow(), restMs).unref();
    if (!this.#isIdle()) return;
    if (this.#look === undefined)
      this.#look = setTimeout(() => void this.#lookForLeft(), LEFT_AFTER_MS).unref();
    else this.#look.refresh();
  }

  #compareNow(): void {
    clearTimeout(this.#compare);
    this.#compare = undefined;
    this.#comparedAt = now();
    this.#tell(this.#traces.changed());
  }

  async #lookForLeft(): Promise<void> {
    if (!this.#isIdle()) return;
    const left = await this.#traces.left();
    if (this.#isIdle()) this.#tell(left);
  }

  #tell(by: string | undefined): void {
    if (by === undefined || this.#isSpoilt) return;
    this.#isSpoilt = true;
    this.#channel.send({ type: 'spoilt', by });
  }
}
