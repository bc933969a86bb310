import type { Clock } from '../clock.ts';
import type { Batch } from '../sink/contract.ts';
import type { DeliveryTotals } from './contract.ts';

/** Counts batches that have neither been acknowledged nor given up. */
export class Ledger {
  readonly #clock: Clock;
  /** When each was added, by the monotonic clock; the oldest first. */
  readonly #addedAt = new Map<Batch, number>();
  #bytes = 0;
  #entities = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(batch: Batch): void {
    this.#addedAt.set(batch, this.#clock.monotonic());
    this.#count(batch, 1);
  }

  remove(batch: Batch): void {
    this.#addedAt.delete(batch);
    this.#count(batch, -1);
  }

  get totals(): DeliveryTotals {
    return { waitingBatches: this.#addedAt.size, waitingBytes: this.#bytes, waitingEntities: this.#entities };
  }

  get oldestAgeMs(): number | undefined {
    const [oldest] = this.#addedAt.values();
    return oldest === undefined ? undefined : this.#clock.monotonic() - oldest;
  }

  #count(batch: Batch, by: 1 | -1): void {
    this.#bytes += by * batch.bytes.length;
    this.#entities += by * batch.entityCount;
  }
}
