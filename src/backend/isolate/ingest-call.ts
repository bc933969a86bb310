import { AsyncLocalStorage } from 'node:async_hooks';
import type { ToChild } from '../messages.ts';
import type { Channel } from './channel.ts';
import { Outbox } from './outbox.ts';
import { type Taker, takeAll } from './take-all.ts';
import { textOf } from './thrown.ts';
import type { Turns } from './turns.ts';

export type OpenedMessage = Extract<ToChild, { type: 'opened' }>;

/** What a call needs of the isolate. */
export interface CallParts {
  readonly channel: Channel;
  readonly turns: Turns;
  /** Told what of an entity is left out. */
  readonly warn: (message: string) => void;
}

const CANCELLED = 'the ingest was cancelled';

/** One call of `ingest`, from when it is made until the daemon has its entities safe. */
export class IngestCall implements Taker {
  /** What the author gets. */
  readonly promise: Promise<void>;
  /** Called once, when it is over. */
  onOver: () => void = () => undefined;
  stopIterating: (() => void) | undefined;
  readonly #entities: Iterable<unknown> | AsyncIterable<unknown>;
  readonly #parts: CallParts;
  /** What an author's own code does while it is iterated over belongs to whoever called. */
  readonly #asCaller = AsyncLocalStorage.snapshot();
  readonly #settled = Promise.withResolvers<void>();
  readonly #aborted = Promise.withResolvers<void>();
  #outbox: Outbox | undefined;
  #isAborted = false;
  #isOver = false;

  constructor(entities: Iterable<unknown> | AsyncIterable<unknown>, parts: CallParts) {
    // Whoever gathers entities in an array goes on with that.
    this.#entities = Array.isArray(entities) ? [...entities] : entities;
    this.#parts = parts;
    this.promise = this.#settled.promise;
  }

  get isAborted(): boolean {
    return this.#isAborted;
  }

  /** The daemon has opened a run for it: hands its entities over; never rejects. */
  async begin(message: OpenedMessage): Promise<void> {
    const { channel, warn } = this.#parts;
    const outbox = new Outbox(channel, message, warn);
    this.#outbox = outbox;
    if (Array.isArray(this.#entities)) outbox.hold();
    try {
      await Promise.race([this.#asCaller(() => this.#collect(outbox)), this.#aborted.promise]);
      if (!this.#isAborted) await outbox.finish();
      if (this.#isAborted) throw new Error(CANCELLED);
      channel.tell('returned', message.run);
    } catch (thrown) {
      await this.#endEarly(outbox, message.run, thrown);
    }
  }

  abort(): void {
    if (this.#isAborted) return;
    this.#isAborted = true;
    this.#outbox?.release();
    this.#aborted.resolve();
    this.#asCaller(() => this.stopIterating?.());
  }

  granted(): void {
    this.#outbox?.granted();
  }

  refused(): void {
    this.#outbox?.refused();
  }

  /** All of it is safe. */
  kept(): void {
    this.#end();
    this.#settled.resolve();
  }

  /** It will not be safe, or was none. */
  fail(error: unknown): void {
    this.#end();
    this.#settled.reject(error);
  }

  /** An array is encoded whole, then handed over: all of it, or nothing. */
  async #collect(outbox: Outbox): Promise<void> {
    await takeAll(this.#entities, this);
    outbox.letGo();
  }

  take(entity: unknown): Promise<void> | undefined {
    const outbox = this.#outbox;
    if (this.#isAborted || outbox === undefined) return undefined;
    outbox.add(entity);
    if (outbox.isFull) return outbox.room();
    return this.#parts.turns.isOver() ? this.#parts.turns.next() : undefined;
  }

  /** What was closed before is still handed over, unless all was to go together. */
  async #endEarly(outbox: Outbox, run: number, thrown: unknown): Promise<void> {
    outbox.dropOpen();
    await outbox.finish().catch(() => undefined);
    const { channel } = this.#parts;
    if (this.#isAborted) {
      // The daemon says why.
      channel.send({ type: 'cancelled', run });
      return;
    }
    channel.send({ type: 'failed', run, reason: textOf(thrown) });
    this.fail(thrown);
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.onOver();
  }
}
