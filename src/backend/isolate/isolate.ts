import { deserialize } from 'node:v8';
import type { Backend } from '../contract.ts';
import { type FrameKind, splitWork } from '../frames.ts';
import type { ToChild, WorkForChild } from '../messages.ts';
import type { Channel } from './channel.ts';
import { watchCulprits } from './culprits.ts';
import { DescriptionError, describeBackend } from './describe.ts';
import type { IngestCall } from './ingest-call.ts';
import { IngestCalls } from './ingest-calls.ts';
import { IsolateLife } from './isolate-life.ts';
import type { IsolateParts } from './isolate-parts.ts';
import { IsolateRun } from './isolate-run.ts';
import { importFault, isResident, loadBackend } from './load-backend.ts';
import { now, setImmediate } from './natives.ts';
import { readPolicy, type WrittenPolicy } from './schemas.ts';
import { stackOf, textOf } from './thrown.ts';
import { Turns } from './turns.ts';
import { TraceWatch } from './watch-traces.ts';

/** Taken before a package can put its own in its place. */
const { parse } = JSON;

/** Runs are entered for this long before the daemon gets an answer. */
const STARTS_SLICE_MS = 2;

type LoadMessage = Extract<ToChild, { type: 'load' }>;

interface Start {
  readonly run: IsolateRun;
  readonly payload: Buffer;
}

/** The child's side of the work: does what the daemon says, with the one package that it was given. */
export class Isolate {
  readonly #channel: Channel;
  readonly #turns = new Turns(() => this.#channel.backlog > 0);
  readonly #calls: IngestCalls;
  readonly #runs = new Map<number, IsolateRun>();
  readonly #lives = new Map<number, IsolateLife>();
  #backend: Backend | undefined;
  #traces: TraceWatch | undefined;
  readonly #starts: Start[] = [];
  #isStarting = false;

  constructor(channel: Channel) {
    this.#channel = channel;
    this.#calls = new IngestCalls(channel);
    watchCulprits(channel);
  }

  handle(kind: FrameKind, body: Buffer): void {
    if (kind === 'control') this.#obey(parse(body.toString()));
    else this.#work(body);
  }

  #obey(message: ToChild): void {
    switch (message.type) {
      case 'load':
        void this.#load(message);
        break;
      case 'describe':
        void this.#describe(message.id);
        break;
      case 'abort':
        this.#find(message.run)?.abort();
        break;
      case 'ping':
        this.#channel.send({ type: 'pong' });
        break;
      case 'withdraw':
        this.#withdraw(message.run);
        break;
      case 'grant':
        this.#find(message.run)?.granted();
        break;
      case 'refuse':
        this.#find(message.run)?.refused();
        break;
      case 'opened':
        this.#calls.opened(message);
        break;
      case 'teardown':
        void this.#lives.get(message.life)?.tearDown();
        break;
      default:
        this.#calls.answered(message);
    }
  }

  #work(body: Buffer): void {
    const { json, payload } = splitWork(body);
    const message: WorkForChild = parse(json);
    if (message.type === 'check') {
      void this.#check(message.id, payload);
      return;
    }
    const parts: IsolateParts = {
      backend: this.#loaded(),
      channel: this.#channel,
      turns: this.#turns,
      calls: this.#calls,
    };
    if (message.type === 'setup') {
      const life = new IsolateLife(message, parts, () => this.#lives.delete(life.number));
      this.#lives.set(life.number, life);
      void life.setUp(writtenIn(payload));
      return;
    }
    const run = new IsolateRun(message, parts, () => this.#forget(run));
    this.#runs.set(run.number, run);
    this.#starts.push({ run, payload });
    if (!this.#isStarting) void this.#startAll();
  }

  #find(number: number): IsolateRun | IngestCall | undefined {
    return this.#runs.get(number) ?? this.#calls.get(number);
  }

  #forget(run: IsolateRun): void {
    this.#runs.delete(run.number);
    this.#traces?.runEnded();
  }

  #withdraw(number: number): void {
    const index = this.#starts.findIndex(({ run }) => run.number === number);
    if (index === -1) {
      this.#abandon(number);
      return;
    }
    this.#starts.splice(index, 1);
    this.#runs.delete(number);
    this.#channel.send({ type: 'turned', runs: 1 });
  }

  /** It was entered in the moment when it was withdrawn: another process has it, and this one is not to be used for others. */
  #abandon(number: number): void {
    const run = this.#runs.get(number);
    if (run === undefined) return;
    run.abandon();
    this.#channel.send({ type: 'spoilt', by: 'went on after they were withdrawn' });
  }

  async #load({ id, name, entryUrl }: LoadMessage): Promise<void> {
    process.title = `orb-worker backend ${name}`;
    try {
      this.#backend = await loadBackend(entryUrl);
      // What a backend opens for its policies is there on purpose.
      if (!isResident(this.#backend)) this.#traces = new TraceWatch(this.#channel, () => this.#isIdle);
      this.#channel.send({ type: 'loaded', id });
    } catch (thrown) {
      this.#channel.send({
        type: 'unusable',
        id,
        reason: importFault(thrown, entryUrl),
        detail: stackOf(thrown),
      });
    }
  }

  get #isIdle(): boolean {
    return this.#runs.size === 0 && this.#calls.areNone;
  }

  async #describe(id: number): Promise<void> {
    try {
      const backend = this.#loaded();
      this.#noteAsked(id);
      const description = await describeBackend(backend);
      this.#channel.send({ type: 'described', id, description, isResident: isResident(backend) });
    } catch (thrown) {
      this.#decline(id, thrown);
    }
  }

  async #check(id: number, payload: Buffer): Promise<void> {
    try {
      const written = writtenIn(payload);
      this.#noteAsked(id);
      const read = await readPolicy(this.#loaded(), written);
      this.#channel.send({ type: 'checked', id, findings: 'findings' in read ? read.findings : [] });
    } catch (thrown) {
      this.#decline(id, thrown);
    }
  }

  /** What is called next may never come back: where others are at work, it is then known that it is not their doing. */
  #noteAsked(id: number): void {
    this.#channel.send({ type: 'asked', id });
    if (this.#runs.size > 0 || this.#lives.size > 0) this.#channel.flush();
  }

  #decline(id: number, thrown: unknown): void {
    const isThrown = !(thrown instanceof DescriptionError);
    this.#channel.send({ type: 'declined', id, reason: textOf(thrown), thrown: isThrown });
  }

  /** Enters the runs that were handed over, a slice at a time. */
  async #startAll(): Promise<void> {
    this.#isStarting = true;
    while (this.#starts.length > 0) {
      await this.#turns.next();
      this.#startSome(now() + STARTS_SLICE_MS);
    }
    this.#isStarting = false;
  }

  #startSome(endsAt: number): void {
    let runs = 0;
    do {
      const start = this.#starts.shift();
      if (start === undefined) break;
      void start.run.execute(writtenIn(start.payload));
      runs++;
    } while (now() < endsAt);
    // All of them may have been withdrawn meanwhile.
    if (runs > 0) setImmediate(() => this.#channel.send({ type: 'turned', runs }));
  }

  #loaded(): Backend {
    if (this.#backend === undefined) throw new Error('no package was loaded');
    return this.#backend;
  }
}

function writtenIn(payload: Buffer): WrittenPolicy {
  return deserialize(payload);
}
