import type { DeliveredRun, OnAcknowledged } from './contract.ts';
import type { Keeper } from './keeper.ts';
import type { Ledger } from './ledger.ts';
import type { Room } from './room.ts';
import type { SendingContext } from './send-batch.ts';

/** What a run's queue shares with all others. */
export interface QueueContext {
  readonly sending: SendingContext;
  readonly keeper: Keeper;
  readonly room: Room;
  /** The batches that wait, of all runs. */
  readonly waiting: Ledger;
  /** What the daemon's end leaves on disk. */
  readonly left: Ledger;
  /** What it gives up. */
  readonly lost: Ledger;
  /** Aborts when nothing is kept any more. */
  readonly closing: AbortSignal;
  onRejected(entityCount: number): void;
}

export interface QueueOptions {
  readonly run: DeliveredRun;
  readonly context: QueueContext;
  readonly onAcknowledged: OnAcknowledged;
  /** The last thing that a queue does. */
  onClosed(): void;
}
