import type { Batch } from '../sink/contract.ts';
import type { DeliveryTotals } from './contract.ts';

/** Counts batches that have neither been acknowledged nor given up. */
export class Ledger {
  #batches = 0;
  #bytes = 0;
  #entities = 0;

  add(batch: Batch): void {
    this.#count(batch, 1);
  }

  remove(batch: Batch): void {
    this.#count(batch, -1);
  }

  get totals(): DeliveryTotals {
    return { waitingBatches: this.#batches, waitingBytes: this.#bytes, waitingEntities: this.#entities };
  }

  #count(batch: Batch, by: 1 | -1): void {
    this.#batches += by;
    this.#bytes += by * batch.bytes.length;
    this.#entities += by * batch.entityCount;
  }
}
