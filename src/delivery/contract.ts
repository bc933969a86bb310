import type { Batch } from '../sink/contract.ts';
import type { DeadLetter, LetterQuery, OpenedLetter } from './batch-store.ts';

/** What became of a run's batches. */
export interface DeliveryOutcome {
  /** Entities that the sink acknowledged. */
  readonly acknowledged: number;
  /** Why the rest was not; undefined when nothing is missing. */
  readonly failure: string | undefined;
}

/** The way of one run's batches to the sink: one after another, in order. */
export interface RunDelivery {
  /** Resolves when there is room for `bytes` more (first come, first served); rejects after a failure or `abort`. */
  reserve(bytes: number): Promise<void>;
  /** Takes a batch that has room. */
  accept(batch: Batch): void;
  /** Resolves when a batch failed for good, so that the backend need not go on; never rejects. */
  readonly failed: Promise<string>;
  /** No more batches will come. Resolves when the last is acknowledged or given up; never rejects. */
  finish(): Promise<DeliveryOutcome>;
  /** Gives up what is not acknowledged yet, with this reason. */
  abort(reason: string): void;
}

export interface DeliveryTotals {
  readonly waitingBatches: number;
  readonly waitingBytes: number;
  readonly waitingEntities: number;
}

/** Where delivery stands, for status, `/readyz` and metrics. */
export interface DeliverySnapshot extends DeliveryTotals {
  /** How long the batch that waits longest has waited, in ms; undefined when none waits. */
  readonly oldestAgeMs: number | undefined;
  /** The receiver's last words against a batch that still waits; undefined when nothing was said against any. */
  readonly lastError: { readonly at: number; readonly message: string } | undefined;
  /** When (epoch ms) the first of those that wait for their next try has it; undefined when none does. */
  readonly nextTryAt: number | undefined;
}

/** What the receiver refused for good. */
export interface DeadLetters {
  readonly count: number;
  /** Oldest first. */
  list(query: LetterQuery): Promise<readonly DeadLetter[]>;
  open(id: string): Promise<OpenedLetter | undefined>;
  /**
   * Sends its entities again as a batch of their own, whose new request id it resolves with; the letter is gone then.
   * Resolves with undefined when there is none of this id, rejects with `UnavailableError` when that cannot be kept now.
   */
  retry(id: string): Promise<string | undefined>;
  /** Resolves with false when there is none of this id; rejects with `UnavailableError`. */
  drop(id: string): Promise<boolean>;
}

/** Takes batches from runs to the sink: bounded memory, retries, several runs side by side. */
export interface Delivery {
  open(onAcknowledged: (entityCount: number, bytes: number) => void): RunDelivery;
  totals(): DeliveryTotals;
  /** How long the batch that waits longest has waited, in ms; undefined when none waits. */
  oldestAgeMs(): number | undefined;
  /** Gives up what is left and says how much that was. */
  stop(): Promise<DeliveryTotals>;
}
