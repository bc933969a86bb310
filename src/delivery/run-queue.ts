import type { Batch } from '../sink/contract.ts';
import type { Allowance } from './allowance.ts';
import type { DeliveryOutcome, RunDelivery } from './contract.ts';
import type { Ledger } from './ledger.ts';
import { type SendingContext, sendBatch } from './send-batch.ts';

/** What a run's queue shares with all others, and whom it tells. */
export interface QueueOptions {
  readonly context: SendingContext;
  /** Bytes that all runs together may hold. */
  readonly memory: Allowance;
  /** The batches that wait. */
  readonly waiting: Ledger;
  onAcknowledged(batch: Batch): void;
  onGivenUp(batch: Batch): void;
  /** The last thing that a queue does. */
  onClosed(): void;
}

/** One run's batches, sent one after another. The first that fails for good takes all behind it along. */
export class RunQueue implements RunDelivery {
  readonly failed: Promise<string>;
  readonly #options: QueueOptions;
  readonly #stopping = new AbortController();
  readonly #failure = Promise.withResolvers<string>();
  readonly #outcome = Promise.withResolvers<DeliveryOutcome>();
  /** Those behind the one that is under way. */
  readonly #batches: Batch[] = [];
  /** What was reserved and is not filled yet, in bytes, in the order of the batches to come. */
  readonly #reserved: number[] = [];
  #acknowledged = 0;
  #reason: string | undefined;
  #sending = false;
  #finishing = false;
  #closed = false;

  constructor(options: QueueOptions) {
    this.#options = options;
    this.failed = this.#failure.promise;
  }

  async reserve(bytes: number): Promise<void> {
    const { memory } = this.#options;
    const granted = await memory.take(bytes, this.#stopping.signal);
    if (granted && this.#reason === undefined && !this.#closed) {
      this.#reserved.push(bytes);
      return;
    }
    if (granted) memory.release(bytes);
    throw new Error(this.#reason ?? 'the run takes no more batches');
  }

  accept(batch: Batch): void {
    const { memory, waiting } = this.#options;
    if (this.#reason !== undefined || this.#closed) return;
    memory.add(batch.bytes.length);
    memory.release(this.#reserved.shift() ?? 0);
    waiting.add(batch);
    this.#batches.push(batch);
    if (!this.#sending) void this.#sendAll();
  }

  async kept(): Promise<void> {}

  finish(): Promise<DeliveryOutcome> {
    this.#finishing = true;
    this.#closeWhenDone();
    return this.#outcome.promise;
  }

  abort(reason: string): void {
    if (this.#reason !== undefined || this.#closed) return;
    this.#reason = reason;
    this.#stopping.abort();
    for (const batch of this.#batches.splice(0)) this.#giveUp(batch);
    this.#closeWhenDone();
  }

  /** Gives up what is left, as `abort` does, and tells whoever waits for a failure; resolves when nothing is under way. */
  fail(reason: string): Promise<unknown> {
    if (this.#reason === undefined && !this.#closed) this.#failure.resolve(reason);
    this.abort(reason);
    return this.#outcome.promise;
  }

  async #sendAll(): Promise<void> {
    this.#sending = true;
    for (let batch = this.#batches.shift(); batch !== undefined; batch = this.#batches.shift()) {
      const failure = await sendBatch(batch, this.#options.context, this.#stopping.signal);
      if (failure === undefined) {
        this.#noteAcknowledged(batch);
      } else {
        this.#giveUp(batch);
        void this.fail(failure);
      }
    }
    this.#sending = false;
    this.#closeWhenDone();
  }

  #noteAcknowledged(batch: Batch): void {
    this.#forget(batch);
    this.#acknowledged += batch.entityCount;
    this.#options.onAcknowledged(batch);
  }

  #giveUp(batch: Batch): void {
    this.#forget(batch);
    this.#options.onGivenUp(batch);
  }

  #forget(batch: Batch): void {
    this.#options.waiting.remove(batch);
    this.#options.memory.release(batch.bytes.length);
  }

  #closeWhenDone(): void {
    const over = this.#finishing || this.#reason !== undefined;
    if (!over || this.#sending || this.#closed) return;
    this.#closed = true;
    this.#stopping.abort();
    for (const bytes of this.#reserved.splice(0)) this.#options.memory.release(bytes);
    this.#outcome.resolve({
      acknowledged: this.#acknowledged,
      batches: 0,
      bytes: 0,
      failure: this.#reason,
      isLeft: false,
    });
    this.#options.onClosed();
  }
}
