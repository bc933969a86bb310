import type { BatchEncoding } from '../sink/contract.ts';
import type { DeliveryTotals } from './contract.ts';
import type { WaitingBatch } from './waiting-batch.ts';

/** Counts batches that have neither been acknowledged nor given up. */
export class Ledger {
  readonly #encoding: BatchEncoding;
  #batches = 0;
  #bytes = 0;
  #entities = 0;
  #misfits = 0;
  #onEmpty: (() => void) | undefined;

  /** @param encoding any other is a misfit. */
  constructor(encoding: BatchEncoding) {
    this.#encoding = encoding;
  }

  add(batch: WaitingBatch): void {
    this.#count(batch, 1);
  }

  remove(batch: WaitingBatch): void {
    this.#count(batch, -1);
    if (this.#batches === 0) this.#onEmpty?.();
  }

  get totals(): DeliveryTotals {
    return { waitingBatches: this.#batches, waitingBytes: this.#bytes, waitingEntities: this.#entities };
  }

  get misfits(): number {
    return this.#misfits;
  }

  /** Resolves when nothing waits; for one caller. */
  whenEmpty(): Promise<void> {
    if (this.#batches === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onEmpty = resolve;
    });
  }

  #count({ receipt, encoding }: WaitingBatch, by: 1 | -1): void {
    this.#batches += by;
    this.#bytes += by * receipt.byteLength;
    this.#entities += by * receipt.entityCount;
    if (encoding !== this.#encoding) this.#misfits += by;
  }
}
