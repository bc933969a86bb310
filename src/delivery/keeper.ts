import type { Logger } from 'pino';
import { type Clock, pause } from '../clock.ts';
import { messageOf, UnavailableError } from '../errors.ts';
import { backoffMs } from './backoff.ts';

export interface KeeperOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** From 0 to 1. */
  readonly random: () => number;
}

/** Does what a store is asked for again and again, as long as that cannot be kept now. */
export class Keeper {
  readonly #options: KeeperOptions;

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  /** Resolves with true when it is done, with false when `signal` aborts first. */
  async insist(what: () => Promise<unknown>, signal: AbortSignal): Promise<boolean> {
    const { clock, log, random } = this.#options;
    for (let tries = 1; ; tries += 1) {
      try {
        await what();
        return true;
      } catch (error) {
        const level = error instanceof UnavailableError ? 'debug' : 'error';
        log[level](`What is to be delivered cannot be kept (${tries} tries so far): ${messageOf(error)}`);
        if (!signal.aborted) await pause(clock, backoffMs(tries, random()), signal);
        if (signal.aborted) return false;
      }
    }
  }
}
