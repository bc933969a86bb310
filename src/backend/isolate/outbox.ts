import { BatchBuilder, type EncodedBatch } from '../../entity/batch-builder.ts';
import type { BatchEncoding } from '../../sink/contract.ts';
import { BATCH_HEADER, MAX_BATCH_BYTES } from '../frames.ts';
import type { Channel } from './channel.ts';
import { clearTimeout, NativePromise, setTimeout } from './natives.ts';

/** Closed batches that may wait for room; more hold the backend back. */
const MOST_WAITING = 2;

export interface OutboxOptions {
  readonly run: number;
  readonly runId: string;
  readonly encoding: BatchEncoding;
  /** undefined: a batch closes only by its size and at the end. */
  readonly closeBatchAfterMs: number | undefined;
}

/** The way of one run's entities out of the isolate: encoded, closed into batches, handed over one at a time. */
export class Outbox {
  readonly #channel: Channel;
  readonly #options: OutboxOptions;
  readonly #warn: (message: string) => void;
  #builder: BatchBuilder | undefined;
  #closed: EncodedBatch[] = [];
  #isOffered = false;
  #isHeld = false;
  #isReleased = false;
  #isRefused = false;
  #fault: Error | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** The open batch was due to close while there was no place for it. */
  #isOverdue = false;
  #waiting: (() => void)[] = [];

  /** @param warn is told what of an entity is left out. */
  constructor(channel: Channel, options: OutboxOptions, warn: (message: string) => void) {
    this.#channel = channel;
    this.#options = options;
    this.#warn = warn;
  }

  /** Takes an entity; throws when it is none. Look at {@link isFull} afterwards. */
  add(entity: unknown): void {
    this.#builder ??= this.#newBuilder();
    const isFirst = this.#builder.isEmpty;
    const closed = this.#builder.add(entity);
    if (closed !== undefined) this.#queue(closed);
    if (isFirst || closed !== undefined) this.#startTimer();
    if (this.#fault !== undefined) throw this.#fault;
  }

  /** True when the backend must wait: see {@link room}. */
  get isFull(): boolean {
    return this.#closed.length >= MOST_WAITING && !this.#isReleased && !this.#isHeld;
  }

  /** Resolves when the outbox is no longer full, or was {@link release}d. */
  async room(): Promise<void> {
    while (this.isFull) await this.#change();
  }

  /** Closes what is open; resolves when every batch was handed over or refused. */
  async finish(): Promise<void> {
    this.#closeOpen();
    if (this.#fault !== undefined) throw this.#fault;
    while (this.#closed.length > 0) await this.#change();
  }

  /** Nothing is handed over, and nobody is held back, until {@link letGo}. */
  hold(): void {
    this.#isHeld = true;
  }

  letGo(): void {
    this.#isHeld = false;
    this.#offerNext();
  }

  /** Forgets the open batch; those closed before stay, unless they were held. */
  dropOpen(): void {
    clearTimeout(this.#timer);
    this.#builder = undefined;
    if (this.#isHeld) this.#closed = [];
  }

  /** From now on nobody is held back: the run was aborted. */
  release(): void {
    this.#isReleased = true;
    this.#wake();
  }

  /** The daemon has room for the batch that was offered. */
  granted(): void {
    const batch = this.#closed.shift();
    if (batch === undefined) return;
    this.#isOffered = false;
    this.#channel.sendBatch(this.#options.run, batch.entityCount, batch.bytes);
    if (this.#isOverdue) this.#closeOpen();
    this.#offerNext();
    this.#wake();
  }

  /** The daemon takes no more batches of this run. */
  refused(): void {
    this.#isRefused = true;
    this.#closed = [];
    this.release();
  }

  #newBuilder(): BatchBuilder {
    const { encoding, runId } = this.#options;
    return new BatchBuilder({ encoding, runId, now: Date.now, warn: this.#warn });
  }

  #change(): Promise<void> {
    return new NativePromise((resolve) => this.#waiting.push(resolve));
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resume of waiting) resume();
  }

  #startTimer(): void {
    const { closeBatchAfterMs } = this.#options;
    if (closeBatchAfterMs === undefined || this.#isHeld) return;
    clearTimeout(this.#timer);
    this.#isOverdue = false;
    this.#timer = setTimeout(() => {
      if (this.isFull) this.#isOverdue = true;
      else this.#closeOpen();
    }, closeBatchAfterMs);
  }

  #closeOpen(): void {
    clearTimeout(this.#timer);
    this.#isOverdue = false;
    const batch = this.#builder?.close();
    if (batch !== undefined) this.#queue(batch);
  }

  #queue(batch: EncodedBatch): void {
    const size = batch.bytes.length;
    if (size > MAX_BATCH_BYTES - BATCH_HEADER) {
      this.#fault = new Error(`one entity takes ${size} bytes, more than a batch can hold`);
    } else if (!this.#isRefused) {
      this.#closed.push(batch);
      this.#offerNext();
    }
  }

  #offerNext(): void {
    const [batch] = this.#closed;
    if (batch === undefined || this.#isOffered || this.#isHeld) return;
    this.#isOffered = true;
    this.#channel.send({ type: 'offer', run: this.#options.run, bytes: batch.bytes.length });
  }
}
