import type { Logger } from 'pino';
import type { SinkHealth } from './contract.ts';

/** Remembers how the last contact with a receiver went, and logs when that changes. */
export class HealthRecord {
  readonly #log: Logger;
  readonly #receiver: string;
  #health: SinkHealth = { ok: true, reason: '' };

  /** @param receiver what the log and reasons call it, e.g. `Diode at grpc://diode:80`. */
  constructor(log: Logger, receiver: string) {
    this.#log = log;
    this.#receiver = receiver;
  }

  get current(): SinkHealth {
    return this.#health;
  }

  /** The receiver answered, whatever it said of a batch. */
  good(): void {
    if (this.#health.ok) return;
    this.#health = { ok: true, reason: '' };
    this.#log.info(`${this.#receiver} answers again`);
  }

  bad(why: string): void {
    const reason = `${this.#receiver}: ${why}`;
    if (this.#health.reason === reason) return;
    this.#health = { ok: false, reason };
    this.#log.warn(reason);
  }
}
