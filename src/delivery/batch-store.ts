import type { Batch, BatchEncoding } from '../sink/contract.ts';

/**
 * What became of a batch, or of a part of one:
 * - `rejected`: the receiver refused it for good, its entities are dead letters.
 * - `split`: it was cut into parts that have batches of their own.
 * - `dropped`: given up without an answer, only where nothing is kept on disk, or on request.
 */
export const BATCH_OUTCOMES = ['waiting', 'acknowledged', 'rejected', 'split', 'dropped'] as const;

export type BatchOutcome = (typeof BATCH_OUTCOMES)[number];

/** The way of one batch, for `trace`. Times are epoch ms. */
export interface BatchReceipt {
  /** The request id, the batch's own for life. */
  readonly id: string;
  readonly runId: string;
  /** Orders the batches of a run. Parts of a batch have its number. */
  readonly sequence: number;
  /** The batch that it is a part of. */
  readonly parent: string | undefined;
  readonly entityCount: number;
  readonly byteLength: number;
  readonly acceptedAt: number;
  /** When it was safe on disk; undefined without `--data-dir`. */
  readonly keptAt: number | undefined;
  readonly firstSentAt: number | undefined;
  readonly lastSentAt: number | undefined;
  readonly tries: number;
  readonly settledAt: number | undefined;
  readonly outcome: BatchOutcome;
  /** Entities that the receiver acknowledged. */
  readonly acknowledged: number;
  /** The receiver's last words against it; `''`: none. */
  readonly lastError: string;
}

/** Entities that the receiver refused for good, with its reason. */
export interface DeadLetter {
  readonly id: string;
  readonly runId: string;
  readonly policy: string;
  /** The request id under which they were refused. */
  readonly batchId: string;
  readonly encoding: BatchEncoding;
  readonly entityCount: number;
  readonly byteLength: number;
  /** The receiver's words, cleaned of secrets. */
  readonly reason: string;
  /** Epoch ms. */
  readonly rejectedAt: number;
}

/** A letter with what it holds. */
export interface OpenedLetter {
  readonly letter: DeadLetter;
  readonly batch: Batch;
}

/** A batch that an earlier life left waiting; its bytes are read when its turn comes. */
export interface LeftBatch extends BatchReceipt {
  readonly encoding: BatchEncoding;
  readonly policy: string;
  readonly run: Batch['run'];
}

/** A batch that takes the place of another one, or of a letter. */
export interface BatchPart {
  readonly batch: Batch;
  readonly encoding: BatchEncoding;
  readonly policy: string;
}

/** A change to what is kept, all or nothing. */
export interface Settlement {
  /** The new state of batches; the bytes of one that does not wait any more are forgotten. */
  readonly receipts: readonly BatchReceipt[];
  /** New batches; their receipts are among `receipts`. */
  readonly parts: readonly BatchPart[];
  readonly letters: readonly OpenedLetter[];
  /** Letters that go away: their entities are among `parts`. */
  readonly droppedLetters: readonly string[];
}

/**
 * Keeps batches from when they are accepted until they are acknowledged, and what is left of them afterwards: receipts
 * and dead letters. One in memory for a daemon without `--data-dir`, one on disk for a daemon with it.
 */
export interface BatchStore {
  /** Whether a restart finds them again. */
  readonly isDurable: boolean;
  /** What waits from an earlier life, oldest first. */
  found(): Promise<readonly LeftBatch[]>;
  /** Resolves when the batch is safe; rejects with `UnavailableError` when it cannot be kept now: it may be tried again. */
  keep(batch: Batch, receipt: BatchReceipt, encoding: BatchEncoding, policy: string): Promise<void>;
  /** The bytes of a batch that waits. */
  read(id: string): Promise<Buffer>;
  /** Resolves when it is safe, as `keep`. An acknowledgement need not be waited for: lost, the batch goes out again under its id. */
  settle(settlement: Settlement): Promise<void>;
  /** In the order of the batches. */
  receipts(runId: string): Promise<readonly BatchReceipt[]>;
  letters(query: LetterQuery): Promise<readonly DeadLetter[]>;
  letter(id: string): Promise<OpenedLetter | undefined>;
  /** Resolves with false when there is none of this id. */
  dropLetter(id: string): Promise<boolean>;
  readonly letterCount: number;
  /** Bytes that are kept of batches that wait. */
  readonly waitingBytes: number;
}

export interface LetterQuery {
  readonly policy: string | undefined;
  readonly runId: string | undefined;
  readonly limit: number;
  /** Only letters after the one of this id, oldest first. */
  readonly after: string | undefined;
}
