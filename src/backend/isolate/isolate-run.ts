import { AsyncLocalStorage } from 'node:async_hooks';
import type { Backend, RunContext, RunLog } from '../contract.ts';
import type { WorkForChild } from '../messages.ts';
import type { Channel } from './channel.ts';
import { deepFreeze } from './freeze.ts';
import { Outbox } from './outbox.ts';
import { Reports } from './reports.ts';
import { readPolicy, type WrittenPolicy } from './schemas.ts';
import { textOf } from './thrown.ts';
import type { Turns } from './turns.ts';

type StartMessage = Extract<WorkForChild, { type: 'start' }>;

interface End {
  readonly how: 'returned' | 'failed' | 'cancelled';
  readonly reason: string;
}

/** Which run's code is running now; undefined outside of all runs. */
export const currentRun = new AsyncLocalStorage<IsolateRun>();

/** What a run needs of the isolate. */
interface IsolateParts {
  readonly backend: Backend;
  readonly channel: Channel;
  readonly turns: Turns;
}

/** One run in the child: the backend's generator on one side, the daemon's grants on the other. */
export class IsolateRun {
  readonly number: number;
  readonly #start: StartMessage;
  readonly #parts: IsolateParts;
  readonly #outbox: Outbox;
  readonly #onEnd: () => void;
  #reports: Reports | undefined;
  #controller: AbortController | undefined;
  #isAborted = false;
  #isOver = false;
  #stopIterating: (() => void) | undefined;

  constructor(start: StartMessage, parts: IsolateParts, onEnd: () => void) {
    this.number = start.run;
    this.#start = start;
    this.#parts = parts;
    this.#outbox = new Outbox(parts.channel, start, (message) => this.reports.log.warn(message));
    this.#onEnd = onEnd;
  }

  /** Runs the backend to its end and tells the daemon how that was; never rejects. */
  async execute(written: WrittenPolicy): Promise<void> {
    this.#parts.channel.tell('entered', this.number);
    this.#parts.channel.flushSoon(performance.now());
    const end = await currentRun.run(this, () => this.#attempt(written));
    this.#end(end);
  }

  /** Aborts the signal and ends the iteration; what the backend does then is up to it. */
  abort(): void {
    if (this.#isAborted) return;
    this.#isAborted = true;
    this.#outbox.release();
    currentRun.run(this, () => {
      this.#controller?.abort();
      this.#stopIterating?.();
    });
  }

  granted(): void {
    this.#outbox.granted();
  }

  refused(): void {
    this.#outbox.refused();
  }

  /** The run is over for the daemon, whatever its code still does: nothing more is said of it. */
  abandon(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#reports?.finish();
    this.#outbox.dropOpen();
    this.#outbox.refused();
    this.abort();
    this.#onEnd();
  }

  #end({ how, reason }: End): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#reports?.finish();
    const { channel } = this.#parts;
    if (how === 'returned') channel.tell('returned', this.number);
    else if (how === 'failed') channel.send({ type: 'failed', run: this.number, reason });
    else channel.send({ type: 'cancelled', run: this.number });
    this.#onEnd();
  }

  async #attempt(written: WrittenPolicy): Promise<End> {
    try {
      await this.#collect(written);
      if (!this.#isAborted) await this.#outbox.finish();
      if (!this.#isAborted) return { how: 'returned', reason: '' };
    } catch (thrown) {
      if (!this.#isAborted) return await this.#endEarly({ how: 'failed', reason: textOf(thrown) });
    }
    return await this.#endEarly({ how: 'cancelled', reason: '' });
  }

  /** What was closed before is still handed over. */
  async #endEarly(end: End): Promise<End> {
    this.#outbox.dropOpen();
    await this.#outbox.finish().catch(() => undefined);
    return end;
  }

  async #collect(written: WrittenPolicy): Promise<void> {
    if (this.#isAborted) return;
    const { backend } = this.#parts;
    const read = await readPolicy(backend, written);
    if ('findings' in read) {
      const [finding] = read.findings;
      throw new Error(`${[finding?.part, ...(finding?.path ?? [])].join('.')}: ${finding?.message}`);
    }
    const context = Object.freeze(new Context(this.#start, this));
    const returned: unknown = await backend.run(deepFreeze(read.policy), context);
    if (isIterableBy(returned, Symbol.asyncIterator)) await this.#takeAsync(returned);
    else if (isIterableBy(returned, Symbol.iterator)) await this.#takeSync(returned);
    else throw new TypeError(`run() returned ${kindOf(returned)}, expected entities: a list or an iterable`);
  }

  async #takeAsync(entities: AsyncIterable<unknown>): Promise<void> {
    const iterator = entities[Symbol.asyncIterator]();
    let ending: Promise<unknown> | undefined;
    const stop = (): void => {
      ending ??= endIteration(iterator);
    };
    this.#stopIterating = stop;
    try {
      while (!this.#isAborted) {
        const { done, value } = await iterator.next();
        if (done === true) return;
        const wait = this.#take(value);
        if (wait !== undefined) await wait;
      }
    } finally {
      this.#stopIterating = undefined;
      stop();
      await ending;
    }
  }

  async #takeSync(entities: Iterable<unknown>): Promise<void> {
    for (const entity of entities) {
      if (this.#isAborted) return;
      const wait = this.#take(entity);
      if (wait !== undefined) await wait;
    }
  }

  /** Encodes an entity; returns what to wait for before the next one is asked for, usually nothing. */
  #take(entity: unknown): Promise<void> | undefined {
    if (this.#isAborted) return undefined;
    this.#outbox.add(entity);
    if (this.#outbox.isFull) return this.#outbox.room();
    return this.#parts.turns.isOver() ? this.#parts.turns.next() : undefined;
  }

  /** Made when it is first asked for, as {@link reports}: few runs use either. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#isAborted) this.#controller.abort();
    }
    return this.#controller.signal;
  }

  get reports(): Reports {
    this.#reports ??= new Reports(this.#parts.channel, this.number);
    if (this.#isOver) this.#reports.finish();
    return this.#reports;
  }
}

/** What the backend gets to see of its run. */
class Context implements RunContext {
  readonly runId: string;
  readonly policyName: string;
  readonly #run: IsolateRun;

  constructor({ runId, policyName }: StartMessage, run: IsolateRun) {
    this.runId = runId;
    this.policyName = policyName;
    this.#run = run;
  }

  get signal(): AbortSignal {
    return this.#run.signal;
  }

  get log(): RunLog {
    return this.#run.reports.log;
  }

  get progress(): RunContext['progress'] {
    return this.#run.reports.progress;
  }
}

/** Lets an iterator clean up; what goes wrong in that changes nothing any more. */
async function endIteration(iterator: AsyncIterator<unknown>): Promise<void> {
  try {
    await iterator.return?.();
  } catch {
    // The run has its outcome already.
  }
}

function isIterableBy<Key extends symbol>(value: unknown, key: Key): value is { [K in Key]: () => never } {
  return typeof value === 'object' && value !== null && typeof Reflect.get(value, key) === 'function';
}

function kindOf(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  return typeof value === 'object' ? 'an object that is not iterable' : `a ${typeof value}`;
}
