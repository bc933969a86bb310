import type { DeliverySnapshot } from './contract.ts';
import type { Ledger } from './ledger.ts';
import type { SendingContext } from './send-batch.ts';

/**
 * How several runs' deliveries stand together. Very many may be looked at whenever somebody asks, so that looking at one
 * makes nothing new.
 */
export class Standing {
  readonly #now: number;
  readonly #monotonic: number;
  /** When the receiver may be called again, epoch ms. */
  readonly #opensAt: number;
  #waitingBatches = 0;
  #waitingBytes = 0;
  #waitingEntities = 0;
  #misfits = 0;
  #firstAddedAt = Number.POSITIVE_INFINITY;
  #lastError: DeliverySnapshot['lastError'];
  #nextTryAt = Number.POSITIVE_INFINITY;

  constructor({ clock, gate }: Pick<SendingContext, 'clock' | 'gate'>) {
    this.#now = clock.now();
    this.#monotonic = clock.monotonic();
    this.#opensAt = gate.closedForMs === undefined ? Number.NEGATIVE_INFINITY : this.#now + gate.closedForMs;
  }

  count({ totals, misfits }: Ledger): void {
    this.#waitingBatches += totals.waitingBatches;
    this.#waitingBytes += totals.waitingBytes;
    this.#waitingEntities += totals.waitingEntities;
    this.#misfits += misfits;
  }

  /** @param addedAt by the monotonic clock. */
  noteWaiting(addedAt: number): void {
    if (addedAt < this.#firstAddedAt) this.#firstAddedAt = addedAt;
  }

  noteError(error: DeliverySnapshot['lastError']): void {
    if (error && error.at >= (this.#lastError?.at ?? 0)) this.#lastError = error;
  }

  /** A batch is the next of its run. `nextTryAt` (epoch ms): when, unless the receiver is closed for longer. */
  noteNext(nextTryAt = Number.NEGATIVE_INFINITY): void {
    const at = Math.max(nextTryAt, this.#opensAt);
    if (at !== Number.NEGATIVE_INFINITY && at < this.#nextTryAt) this.#nextTryAt = at;
  }

  get snapshot(): DeliverySnapshot {
    const oldestAgeMs = this.#monotonic - this.#firstAddedAt;
    return {
      waitingBatches: this.#waitingBatches,
      waitingBytes: this.#waitingBytes,
      waitingEntities: this.#waitingEntities,
      misfits: this.#misfits,
      oldestAgeMs: Number.isFinite(oldestAgeMs) ? oldestAgeMs : undefined,
      lastError: this.#lastError,
      nextTryAt: Number.isFinite(this.#nextTryAt) ? this.#nextTryAt : undefined,
    };
  }
}
