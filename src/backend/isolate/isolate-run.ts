import type { RunContext, RunLog } from '../contract.ts';
import type { WorkForChild } from '../messages.ts';
import { type CodeOwner, currentOwner } from './code-owner.ts';
import { deepFreeze } from './freeze.ts';
import { Ingests } from './ingests.ts';
import type { IsolateParts } from './isolate-parts.ts';
import { now } from './natives.ts';
import { Outbox } from './outbox.ts';
import { Reports } from './reports.ts';
import { readSoundPolicy, type WrittenPolicy } from './schemas.ts';
import { isIterable, kindOf, type Taker, takeAll } from './take-all.ts';
import { textOf } from './thrown.ts';

type StartMessage = Extract<WorkForChild, { type: 'start' }>;

interface End {
  readonly how: 'returned' | 'failed' | 'cancelled';
  readonly reason: string;
}

const OVER = 'the run is over: it takes no more entities';

/** One run in the child: the backend's generator on one side, the daemon's grants on the other. */
export class IsolateRun implements CodeOwner, Taker {
  readonly number: number;
  stopIterating: (() => void) | undefined;
  readonly #start: StartMessage;
  readonly #parts: IsolateParts;
  readonly #outbox: Outbox;
  readonly #onEnd: () => void;
  #reports: Reports | undefined;
  #ingests: Ingests | undefined;
  #controller: AbortController | undefined;
  #isAborted = false;
  #isOver = false;

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
    this.#parts.channel.flushSoon(now());
    const end = await currentOwner.run(this, () => this.#attempt(written));
    this.#end(end);
  }

  /** Aborts the signal and ends the iteration; what the backend does then is up to it. */
  abort(): void {
    if (this.#isAborted) return;
    this.#isAborted = true;
    this.#outbox.release();
    currentOwner.run(this, () => {
      this.#controller?.abort();
      this.stopIterating?.();
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
    this.#ingests?.end(OVER);
    this.#outbox.dropOpen();
    this.#outbox.refused();
    this.abort();
    this.#onEnd();
  }

  #end({ how, reason }: End): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#reports?.finish();
    this.#ingests?.end(OVER);
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
    const policy = deepFreeze(await readSoundPolicy(backend, written));
    const context = Object.freeze(new Context(this.#start, this));
    const returned: unknown = await backend.run(policy, context);
    if (isIterable(returned)) await takeAll(returned, this);
    else throw new TypeError(`run() returned ${kindOf(returned)}, expected entities: a list or an iterable`);
  }

  /** Encodes an entity; returns what to wait for before the next one is asked for, usually nothing. */
  take(entity: unknown): Promise<void> | undefined {
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

  get isAborted(): boolean {
    return this.#isAborted;
  }

  get ingests(): Ingests {
    this.#ingests ??= new Ingests({
      ...this.#parts,
      owner: this.number,
      warn: (message) => this.reports.log.warn(message),
    });
    if (this.#isOver) this.#ingests.end(OVER);
    return this.#ingests;
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

  get ingest(): RunContext['ingest'] {
    return this.#run.ingests.ingest;
  }

  get recordFailure(): RunContext['recordFailure'] {
    return this.#run.reports.recordFailure;
  }
}
