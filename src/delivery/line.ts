import type { BatchEncoding } from '../sink/contract.ts';
import { Ledger } from './ledger.ts';
import type { Room } from './room.ts';
import type { Standing } from './standing.ts';
import type { Family, WaitingBatch } from './waiting-batch.ts';

export interface LineOptions {
  /** What the sink takes. */
  readonly encoding: BatchEncoding;
  readonly room: Room;
  /** Of all runs. */
  readonly all: Ledger;
}

/** The batches of one run that wait, in order; parts of a batch stand together in its place. */
export class Line {
  readonly #options: LineOptions;
  readonly #own: Ledger;
  #batches: WaitingBatch[] = [];

  constructor(options: LineOptions) {
    this.#options = options;
    this.#own = new Ledger(options.encoding);
  }

  get isEmpty(): boolean {
    return this.#batches.length === 0;
  }

  get batches(): readonly WaitingBatch[] {
    return this.#batches;
  }

  /** The one that is to be sent: undefined when none is, be it that the first is for another kind of sink. */
  next(): WaitingBatch | undefined {
    const first = this.#batches[0];
    if (first === undefined || first.encoding !== this.#options.encoding) return undefined;
    if (first.refusedWith === undefined) return first;
    return this.ofFamily(first.family).find(({ refusedWith }) => refusedWith === undefined);
  }

  /** All that wait of what was one batch, if it is the one that is under way: parts are only made of that. */
  ofFamily(family: Family): readonly WaitingBatch[] {
    const end = this.#batches.findIndex((batch) => batch.family !== family);
    return this.#batches.slice(0, end === -1 ? undefined : end);
  }

  add(batch: WaitingBatch): void {
    this.#batches.push(batch);
    this.#count(batch);
  }

  /** Puts parts of a batch, which are kept, behind what else there is of it, and takes it out. */
  replace(batch: WaitingBatch, parts: readonly WaitingBatch[]): void {
    this.#batches.splice(this.ofFamily(batch.family).length, 0, ...parts);
    for (const part of parts) {
      this.#options.room.add(part);
      this.#count(part);
    }
    this.remove(batch);
  }

  remove(batch: WaitingBatch): void {
    this.#batches.splice(this.#batches.indexOf(batch), 1);
    this.#uncount(batch);
  }

  /** Takes all out. */
  clear(): readonly WaitingBatch[] {
    const batches = this.#batches;
    this.#batches = [];
    for (const batch of batches) this.#uncount(batch);
    return batches;
  }

  /** Counts those that wait. */
  get own(): Ledger {
    return this.#own;
  }

  /** Tells how its first batch stands, on which the others wait. */
  tell(standing: Standing): void {
    const first = this.#batches[0];
    if (first === undefined) return;
    standing.noteWaiting(first.addedAt);
    for (const { family, lastError } of this.#batches) {
      if (family !== first.family) break;
      standing.noteError(lastError);
    }
    const next = this.next();
    if (next) standing.noteNext(next.nextTryAt);
  }

  #count(batch: WaitingBatch): void {
    this.#own.add(batch);
    this.#options.all.add(batch);
  }

  #uncount(batch: WaitingBatch): void {
    this.#options.room.remove(batch);
    this.#own.remove(batch);
    this.#options.all.remove(batch);
  }
}
