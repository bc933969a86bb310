import type { BatchReceipt } from './batch-store.ts';

/** What became of a run's entities so far. */
export class RunTally {
  /** Accepted from the run, in this life and before it. */
  entities = 0;
  acknowledged = 0;
  /** Requests that were acknowledged, and their bytes. */
  batches = 0;
  bytes = 0;
  rejected = 0;
  /** Given up, or gone. */
  dropped = 0;
  /** Why the last of these were. */
  #words = '';

  /** Takes in what an earlier life has on record: batches of the run and their parts, not what was sent again on request. */
  addEarlier(receipts: readonly BatchReceipt[]): void {
    const byId = new Map(receipts.map((receipt) => [receipt.id, receipt]));
    const isOwn = ({ parent }: BatchReceipt): boolean => {
      const above = parent === undefined ? undefined : byId.get(parent);
      return above === undefined || (above.outcome === 'split' && isOwn(above));
    };
    for (const receipt of receipts.filter(isOwn)) {
      if (receipt.parent === undefined) this.entities += receipt.entityCount;
      this.settle(receipt);
    }
  }

  /** Counts a batch that waits no more. */
  settle({ outcome, entityCount, byteLength, acknowledged, lastError }: BatchReceipt): void {
    this.acknowledged += acknowledged;
    if (acknowledged > 0) {
      this.batches++;
      this.bytes += byteLength;
    }
    if (outcome === 'rejected') this.rejected += entityCount - acknowledged;
    if (outcome === 'dropped') this.dropped += entityCount;
    if (outcome === 'rejected' || outcome === 'dropped') this.#words = lastError;
  }

  /** What is missing, for the run's reason; undefined: nothing. */
  get failure(): string | undefined {
    if (this.rejected > 0) return `${this.#share(this.rejected)} rejected: ${this.#words}`;
    if (this.dropped > 0) return `${this.#share(this.dropped)} given up: ${this.#words}`;
    return undefined;
  }

  #share(entities: number): string {
    return `${entities.toLocaleString('en')} of ${this.entities.toLocaleString('en')} entities`;
  }
}
