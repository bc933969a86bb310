import type { Redact } from '../redact.ts';
import type { Batch } from '../sink/contract.ts';
import type { BatchReceipt, DeadLetter, LetterQuery, OpenedLetter } from './batch-store.ts';

/** What became of a run's batches, those of the daemon's earlier lives included. */
export interface DeliveryOutcome {
  /** Entities that the sink acknowledged. */
  readonly acknowledged: number;
  /** Requests that it acknowledged. */
  readonly batches: number;
  /** Bytes of these. */
  readonly bytes: number;
  /** Why the rest was not, such as `3 of 5,000 entities rejected: ...`; undefined when nothing is missing. */
  readonly failure: string | undefined;
  /** The failure may be none the next time: the receiver was away for too long. */
  readonly isPassing?: boolean;
  /** The daemon stops and the rest waits on disk: the run is still to be delivered, by the daemon's next life. */
  readonly isLeft: boolean;
}

/** Whose batches are delivered. */
export interface DeliveredRun {
  readonly runId: string;
  /** The policy's name as it was written. */
  readonly policy: string;
  /** Takes the policy's secrets out of what a receiver says, which is kept. */
  readonly redact?: Redact;
}

/** Is told of each request that was acknowledged. */
export type OnAcknowledged = (entityCount: number, bytes: number) => void;

/** The way of one run's batches to the sink: one after another, in order. */
export interface RunDelivery {
  /**
   * Resolves when there is room for `bytes` more (first come, first served) and every batch before is kept; rejects after
   * a failure or `abort`.
   */
  reserve(bytes: number): Promise<void>;
  /** Takes a batch that has room. */
  accept(batch: Batch): void;
  /**
   * Resolves when all that was accepted so far is safe: on disk, or acknowledged where nothing is kept on disk. Rejects
   * when that will not be.
   */
  kept(): Promise<void>;
  /**
   * Resolves when nothing of the run will be delivered any more, so that its backend need not go on; never rejects. A
   * batch that the receiver rejects is no such failure: those behind it are sent.
   */
  readonly failed: Promise<string>;
  /** No more batches will come. Resolves when the last is acknowledged, rejected, given up or left; never rejects. */
  finish(): Promise<DeliveryOutcome>;
  /** Gives up what is not acknowledged yet, with this reason; what is on disk, too. */
  abort(reason: string): void;
}

export interface DeliveryTotals {
  readonly waitingBatches: number;
  readonly waitingBytes: number;
  readonly waitingEntities: number;
}

/** Where delivery stands, of one run or of all, for status, `/readyz` and metrics. */
export interface DeliverySnapshot extends DeliveryTotals {
  /** How long the batch that waits longest has waited since it was accepted, restarts included, in ms; undefined when none waits. */
  readonly oldestAgeMs: number | undefined;
  /** The last words against a batch that still waits; undefined when nothing was said against any. */
  readonly lastError: { readonly at: number; readonly message: string } | undefined;
  /** When (epoch ms) the first of those that wait for their next try has it; undefined when none does. */
  readonly nextTryAt: number | undefined;
  /** Batches that are encoded for another kind of sink than the daemon has now: they wait until it has that again. */
  readonly misfits: number;
}

/** What was under way when the delivery stopped. */
export interface DeliveryStopReport {
  /** Given up: it was in memory only. */
  readonly lost: DeliveryTotals;
  /** Waits on disk for the daemon's next life. */
  readonly left: DeliveryTotals;
}

/**
 * Takes batches from runs to the sink: bounded memory, retries, several runs side by side. A daemon that starts calls
 * `restore`, `resume` for the runs that it goes on with, then `release`.
 */
export interface Delivery {
  open(run: DeliveredRun, onAcknowledged: OnAcknowledged): RunDelivery;
  /** Reads what waits from an earlier life; resolves with the runs that it belongs to, oldest first. */
  restore(): Promise<readonly DeliveredRun[]>;
  /**
   * The way of a run that an earlier life has begun: it holds what waits of it (nothing, when all was delivered but not
   * noted as the run's end), and its outcome counts everything. It takes no new batches.
   */
  resume(run: DeliveredRun, onAcknowledged: OnAcknowledged): RunDelivery;
  /** Begins to send what was found, also of runs that nobody resumed. */
  release(): void;
  totals(): DeliveryTotals;
  /** As in the snapshot. */
  oldestAgeMs(): number | undefined;
  snapshot(): DeliverySnapshot & { readonly letters: number; readonly rejectedEntities: number };
  /** undefined: nothing of this run waits or is about to. */
  of(runId: string): DeliverySnapshot | undefined;
  /** The way of each batch of a run, also of those under way, in the order of the batches. */
  receipts(runId: string): Promise<readonly BatchReceipt[]>;
  readonly letters: DeadLetters;
  /** Sends on for `timeoutMs` at most (0: not at all), then leaves what is on disk there and gives up the rest. */
  stop(timeoutMs?: number): Promise<DeliveryStopReport>;
}

/** What the receiver refused for good. */
export interface DeadLetters {
  readonly count: number;
  /** Oldest first. */
  list(query: LetterQuery): Promise<readonly DeadLetter[]>;
  /** `entityTexts` of entity/read-batch.ts reads what it holds. */
  open(id: string): Promise<OpenedLetter | undefined>;
  /**
   * Sends its entities again as a batch of their own, in the name of their run, and resolves with its new request id when
   * that is kept and the letter gone; refused again they are a letter again.
   * Resolves with undefined when there is none of this id, rejects with `UnavailableError` when that cannot be kept now.
   */
  retry(id: string): Promise<string | undefined>;
  /** Resolves with false when there is none of this id; rejects with `UnavailableError`. */
  drop(id: string): Promise<boolean>;
}
