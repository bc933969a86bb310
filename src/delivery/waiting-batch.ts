import type { Clock } from '../clock.ts';
import type { Batch, BatchEncoding, SinkError } from '../sink/contract.ts';
import type { BatchReceipt, LeftBatch } from './batch-store.ts';

/** What is known of a batch that was accepted and of the parts that it was cut into. */
export interface Family {
  /** How often any of it was sent. */
  requests: number;
  /** In what words it was refused, but for numbers. */
  words: string | undefined;
  /** Nothing of it was taken so far, and all of it was refused in the same words. */
  isHopeless: boolean;
}

/** A batch that is neither acknowledged nor given up. */
export interface WaitingBatch {
  readonly run: Batch['run'];
  readonly encoding: BatchEncoding;
  readonly family: Family;
  /** How often it was cut: 0 for a whole batch. */
  readonly generation: number;
  /** When its entities were accepted, by the monotonic clock; before the daemon's start for what an earlier life left. */
  readonly addedAt: number;
  receipt: BatchReceipt;
  /** undefined: to be read back from the store. */
  bytes: Buffer | undefined;
  /** Whether these are counted as resident; those that were read back for a call are not. */
  isResident: boolean;
  /** The store has it. */
  isKept: boolean;
  /** Resolves when it has, with false when it never will. */
  whenKept: Promise<boolean>;
  /** Refused, and not yet decided what to do about it. */
  refusedWith: SinkError | undefined;
  lastError: { readonly at: number; readonly message: string } | undefined;
  /** Epoch ms; undefined while it does not wait for its next try. */
  nextTryAt: number | undefined;
}

/** A batch whose entities were just accepted, or were cut out of another one. */
export function waitingBatch(
  batch: Batch,
  origin: Pick<BatchReceipt, 'sequence' | 'parent' | 'acceptedAt'> &
    Pick<WaitingBatch, 'encoding' | 'family' | 'generation' | 'addedAt'>,
): WaitingBatch {
  const { sequence, parent, acceptedAt, ...rest } = origin;
  const { id, run, entityCount, bytes } = batch;
  return {
    run,
    ...rest,
    receipt: {
      id,
      runId: run.runId,
      sequence,
      parent,
      entityCount,
      byteLength: bytes.length,
      acceptedAt,
      keptAt: undefined,
      firstSentAt: undefined,
      lastSentAt: undefined,
      tries: 0,
      settledAt: undefined,
      outcome: 'waiting',
      acknowledged: 0,
      lastError: '',
    },
    bytes,
    isResident: false,
    isKept: false,
    whenKept: Promise.resolve(true),
    refusedWith: undefined,
    lastError: undefined,
    nextTryAt: undefined,
  };
}

/** A batch that an earlier life has kept. */
export function leftBatch({ encoding, policy: _, run, ...receipt }: LeftBatch, clock: Clock): WaitingBatch {
  return {
    run,
    encoding,
    family: newFamily(),
    generation: 0,
    addedAt: clock.monotonic() - Math.max(0, clock.now() - receipt.acceptedAt),
    receipt,
    bytes: undefined,
    isResident: false,
    isKept: true,
    whenKept: Promise.resolve(true),
    refusedWith: undefined,
    lastError:
      receipt.lastError === ''
        ? undefined
        : { at: receipt.lastSentAt ?? receipt.acceptedAt, message: receipt.lastError },
    nextTryAt: undefined,
  };
}

export function newFamily(): Family {
  return { requests: 0, words: undefined, isHopeless: true };
}

/** The batch as a sink and a store take it. */
export function batchOf({ receipt, run }: WaitingBatch, bytes: Buffer): Batch {
  return { id: receipt.id, run, entityCount: receipt.entityCount, bytes };
}
