import type { Batch } from '../sink/contract.ts';
import type { DeliveredRun } from './contract.ts';
import type { Keeper } from './keeper.ts';
import type { Room } from './room.ts';
import type { SendingContext } from './send-batch.ts';
import { newFamily, type WaitingBatch, waitingBatch } from './waiting-batch.ts';

export interface IntakeOptions {
  readonly run: DeliveredRun;
  readonly sending: SendingContext;
  readonly keeper: Keeper;
  readonly room: Room;
  /** Aborts when the run takes nothing more, and what is not kept by then will not be. */
  readonly closing: AbortSignal;
}

/** Where a run's batches come in: room first, then the batch, which is kept before there is room for another. */
export class Intake {
  readonly #options: IntakeOptions;
  /** What was reserved and is not filled yet, in bytes, in the order of the batches to come. */
  readonly #reserved: number[] = [];
  #lastKept = Promise.resolve(true);
  #sequence = 0;
  #isClosed = false;

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  /** Resolves with whether all that was taken so far is kept, when that is decided. */
  get allKept(): Promise<boolean> {
    return this.#lastKept;
  }

  /** Resolves with false when it closes before there is room. */
  async reserve(bytes: number): Promise<boolean> {
    const { room, closing } = this.#options;
    const isThereRoom = (await this.#lastKept) && !this.#isClosed && (await room.reserve(bytes, closing));
    const isGranted = isThereRoom && !this.#isClosed && !closing.aborted;
    if (isGranted) this.#reserved.push(bytes);
    else if (isThereRoom) room.release(bytes);
    return isGranted;
  }

  /** A batch that has room. */
  take(batch: Batch): WaitingBatch {
    const { room, sending } = this.#options;
    room.fill(batch.bytes.length, this.#reserved.shift() ?? 0);
    const waiting = waitingBatch(batch, {
      sequence: this.#sequence++,
      parent: undefined,
      acceptedAt: sending.clock.now(),
      encoding: sending.sink.encoding,
      family: newFamily(),
      generation: 0,
      addedAt: sending.clock.monotonic(),
    });
    waiting.whenKept = this.#keep(waiting, batch);
    this.#lastKept = waiting.whenKept;
    return waiting;
  }

  /** Nothing more comes: gives back what was reserved and not filled. Harmless when repeated. */
  close(): void {
    this.#isClosed = true;
    for (const bytes of this.#reserved.splice(0)) this.#options.room.release(bytes);
  }

  async #keep(waiting: WaitingBatch, batch: Batch): Promise<boolean> {
    const { run, keeper, room, sending, closing } = this.#options;
    const { store, clock } = sending;
    const { receipt, encoding } = waiting;
    const keep = (): Promise<void> => store.keep(batch, receipt, encoding, run.policy);
    if (!(await keeper.insist(keep, closing))) return false;
    waiting.isKept = true;
    if (store.isDurable) waiting.receipt = { ...waiting.receipt, keptAt: clock.now() };
    room.settleIn(waiting);
    return true;
  }
}
