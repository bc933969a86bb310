import type { Logger } from 'pino';
import { type Clock, settlesWithin } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Description } from './contract.ts';
import type { RunExecution } from './execution.ts';
import {
  BATCH_HEADER,
  controlFrame,
  FrameError,
  type FrameKind,
  FrameReader,
  FrameSender,
  MAX_CONTROL_BYTES,
  workFrameHead,
} from './frames.ts';
import type { PolicyPayload, SchemaFinding } from './host.ts';
import { IsolatedProcess, type ProcessOptions } from './isolated-process.ts';
import type { FromChild, ToChild, WorkForChild } from './messages.ts';
import { readMessage } from './read-message.ts';
import { HandOutWindow } from './window.ts';

/** A question that a child did not answer, and why. */
export class QuestionError extends Error {
  override readonly name = 'QuestionError';
  /** True when the text is the backend's own. */
  readonly isThrown: boolean;

  constructor(reason: string, isThrown = false) {
    super(reason);
    this.isThrown = isThrown;
  }
}

export interface ChildOptions extends Omit<ProcessOptions, 'onLine'> {
  readonly log: Logger;
}

/** What a child may import. */
export interface Loadable {
  readonly name: string;
  readonly entryUrl: string;
}

type Answer = Description | readonly SchemaFinding[] | undefined;

interface Question {
  readonly kind: 'described' | 'checked' | 'loaded';
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: QuestionError) => void;
}

/** Bytes that may wait for a child to read them; a child with more takes no further runs. */
const MOST_BACKLOG = 2 ** 20;

/** Longest wait for an import, a description, a check. */
const ANSWER_WITHIN_MS = 10_000;

/** A closed channel belongs to a process that is about to end; one that is not, is ended after this. */
const END_AFTER_CLOSE_MS = 250;

/** The number of the one question that is asked without one: whether the package could be loaded. */
const LOAD = 0;

/**
 * One child process and what the daemon knows of it: its package, its runs, the questions it owes answers to.
 * Whatever it sends is checked; a child that sends anything else than it may is ended.
 */
export class BackendChild {
  /** Resolves when the process is gone and every run and question of it is settled. */
  readonly ended: Promise<void>;
  readonly window = new HandOutWindow();
  readonly #clock: Clock;
  #log: Logger;
  readonly #process: IsolatedProcess;
  readonly #sender: FrameSender | undefined;
  readonly #runs = new Map<number, RunExecution>();
  readonly #questions = new Map<number, Question>();
  #lastQuestion = LOAD;
  #packageName: string | undefined;
  #isLoaded = false;
  #isDraining = false;
  #isKilled = false;
  #hasEnded = false;
  /** Why the daemon ended it, where that says more than how the process ended. */
  #killedFor: string | undefined;
  #culprit: RunExecution | 'unknown' | 'outsider' = 'unknown';
  /** Called when it can take more work, or has less. */
  onChange: () => void = () => undefined;

  constructor({ log, ...options }: ChildOptions) {
    this.#clock = options.clock;
    this.#log = log;
    this.#process = new IsolatedProcess({
      ...options,
      onLine: (stream, line) => this.#log[stream === 'stderr' ? 'warn' : 'info'](line),
    });
    const { channel } = this.#process;
    if (channel !== undefined) {
      this.#sender = new FrameSender(channel);
      this.#listen(channel);
    }
    this.ended = this.#process.ended.then((how) => this.#settleAll(this.#killedFor ?? how));
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  get packageName(): string | undefined {
    return this.#packageName;
  }

  get runCount(): number {
    return this.#runs.size;
  }

  /** True when runs may be handed to it, as far as it keeps up with them. */
  get isReady(): boolean {
    return this.#isLoaded && !this.isEnding;
  }

  /** True when it will take nothing more. */
  get isEnding(): boolean {
    return this.#isDraining || this.#isKilled;
  }

  /** True when it reads what it is sent. */
  get keepsUp(): boolean {
    return this.#sender !== undefined && this.#sender.backlog < MOST_BACKLOG;
  }

  /** Imports a package, once in its life. Rejects with a {@link QuestionError}. */
  async load(located: Loadable, log: Logger): Promise<void> {
    this.#packageName = located.name;
    this.#log = log;
    this.#tell({ type: 'load', name: located.name, entryUrl: located.entryUrl });
    await this.#ask(LOAD, 'loaded', 'its import');
    this.#isLoaded = true;
  }

  async describe(): Promise<Description> {
    const id = ++this.#lastQuestion;
    this.#tell({ type: 'describe', id });
    return (await this.#ask(id, 'described', 'describe()')) as Description;
  }

  async check(payload: PolicyPayload): Promise<readonly SchemaFinding[]> {
    const id = ++this.#lastQuestion;
    this.#tellWithPayload({ type: 'check', id }, payload);
    return (await this.#ask(id, 'checked', 'its schemas')) as readonly SchemaFinding[];
  }

  /** Hands a run over; whatever happens to the child, the run gets an outcome. */
  start(execution: RunExecution): void {
    const { number, request } = execution;
    this.#runs.set(number, execution);
    this.window.handed(this.#clock.monotonic());
    execution.onOver(() => this.#forget(execution));
    execution.handTo({
      tell: (type, run) => this.#tell({ type, run }),
      cutOff: () => void this.kill('its process was ended because another run did not stop', 'outsider'),
    });
    const message: WorkForChild = {
      type: 'start',
      run: number,
      runId: request.identity.runId,
      policyName: request.identity.policyName,
      encoding: request.encoding,
      closeBatchAfterMs: request.closeBatchAfterMs,
    };
    this.#tellWithPayload(message, request.payload);
  }

  /**
   * Ends the process and all that it started.
   *
   * @param reason what its runs are told, where that says more than how the process ended.
   * @param culprit `outsider` when the fault is with none of the runs that are left.
   */
  kill(reason?: string, culprit?: 'outsider'): Promise<void> {
    if (!this.#isKilled) {
      this.#isKilled = true;
      this.#killedFor ??= reason;
      if (culprit !== undefined && this.#culprit === 'unknown') this.#culprit = culprit;
      this.#process.kill();
    }
    return this.ended;
  }

  /** Ends the process for the daemon's own sake: its runs are cancelled. */
  stop(): Promise<void> {
    for (const run of this.#runs.values()) run.cancel(0);
    return this.kill();
  }

  #listen(channel: NonNullable<IsolatedProcess['channel']>): void {
    const reader = new FrameReader({
      limitOf: (kind) => this.#limitOf(kind),
      onFrame: (kind, body) => this.#take(kind, body),
    });
    channel.on('data', (chunk: Buffer) => {
      if (this.#isKilled) return;
      try {
        reader.push(chunk);
      } catch (error) {
        void this.kill(`broke the rules of its channel: ${messageOf(error)}`);
      }
      this.onChange();
    });
    channel.on('drain', () => this.onChange());
    channel.on('error', () => channel.destroy());
    channel.on('close', () => void this.#endAfterClose());
  }

  async #endAfterClose(): Promise<void> {
    if (await settlesWithin(this.#clock, END_AFTER_CLOSE_MS, this.#process.ended)) return;
    await this.kill('closed its channel');
  }

  #limitOf(kind: FrameKind): number {
    if (kind === 'control') return MAX_CONTROL_BYTES;
    if (kind !== 'batch') return -1;
    let limit = -1;
    for (const run of this.#runs.values()) limit = Math.max(limit, run.allowance);
    return limit;
  }

  #take(kind: FrameKind, body: Buffer): void {
    if (kind === 'control') {
      this.#obey(readMessage(body));
      return;
    }
    if (body.length < BATCH_HEADER) throw new FrameError('a batch frame without its head');
    const run = this.#run(body.readUInt32BE(0));
    run.batch(body.readUInt32BE(4), body.subarray(BATCH_HEADER));
  }

  #obey(message: FromChild): void {
    switch (message.type) {
      case 'entered':
        this.#run(message.run).entered();
        break;
      case 'turned':
        this.#turned(message.runs);
        break;
      case 'ended':
        this.#run(message.run).ended(message.outcome);
        break;
      case 'offer':
        this.#run(message.run).offer(message.bytes);
        break;
      case 'progress':
        this.#run(message.run).progress(message.done, message.total);
        break;
      case 'log':
        this.#run(message.run).log(message.level, message.message);
        break;
      case 'loaded':
        this.#answer(LOAD, 'loaded', undefined);
        break;
      case 'unusable':
        this.#log.warn({ detail: message.detail }, `The package cannot be used: ${message.reason}`);
        this.#decline(LOAD, new QuestionError(message.reason));
        break;
      case 'described':
        this.#answer(message.id, 'described', message.description);
        break;
      case 'checked':
        this.#answer(message.id, 'checked', message.findings);
        break;
      case 'declined':
        this.#decline(message.id, new QuestionError(message.reason, message.thrown));
        break;
      case 'leaving':
        this.#culprit = this.#runs.get(message.run ?? -1) ?? (message.run === null ? 'unknown' : 'outsider');
        break;
      case 'threw':
        this.#threw(message.run, message.message);
        break;
    }
  }

  #turned(runs: number): void {
    const isTrue = this.window.answered(runs, this.#clock.monotonic());
    if (!isTrue) throw new FrameError('an answer for runs that it was not handed');
  }

  /** A throw that belongs to a run costs that run, and the process takes no more; any other ends the process. */
  #threw(number: number | null, text: string): void {
    const reason = `threw outside its run: ${text}`;
    if (number === null) return void this.kill(reason);
    const run = this.#runs.get(number);
    this.#isDraining = true;
    if (run === undefined) this.#log.warn(`A run that was over ${reason}`);
    else run.settle({ kind: 'failed', reason });
    this.#endWhenDrained();
  }

  #endWhenDrained(): void {
    if (this.#isDraining && this.#runs.size === 0) void this.kill();
  }

  #forget(execution: RunExecution): void {
    this.#runs.delete(execution.number);
    if (this.#runs.size === 0) this.window.rest();
    this.#endWhenDrained();
    this.onChange();
  }

  #run(number: number): RunExecution {
    const run = this.#runs.get(number);
    if (run === undefined) throw new FrameError('a message about a run that it does not have');
    return run;
  }

  #tell(message: ToChild): void {
    this.#sender?.send(controlFrame(JSON.stringify(message)));
  }

  #tellWithPayload(message: WorkForChild, payload: PolicyPayload): void {
    this.#sender?.send(workFrameHead(JSON.stringify(message), payload.length), payload);
  }

  /** Asks within bounds: a child that does not answer in time is of no use to anybody. */
  async #ask(id: number, kind: Question['kind'], whose: string): Promise<Answer> {
    const tooLate = `${whose} took longer than ${ANSWER_WITHIN_MS / 1_000} s`;
    const limit = this.#clock.after(ANSWER_WITHIN_MS, () => void this.kill(tooLate, 'outsider'));
    try {
      return await new Promise((resolve, reject) => {
        if (this.#hasEnded) reject(new QuestionError('its process has ended'));
        this.#questions.set(id, { kind, resolve, reject });
      });
    } finally {
      limit.cancel();
    }
  }

  #takeQuestion(id: number): Question {
    const question = this.#questions.get(id);
    if (question === undefined) throw new FrameError('an answer to no question');
    this.#questions.delete(id);
    return question;
  }

  #answer(id: number, kind: Question['kind'], answer: Answer): void {
    const question = this.#takeQuestion(id);
    if (question.kind !== kind) throw new FrameError('an answer to another question');
    question.resolve(answer);
  }

  #decline(id: number, error: QuestionError): void {
    this.#takeQuestion(id).reject(error);
  }

  #settleAll(reason: string): void {
    this.#isKilled = true;
    this.#hasEnded = true;
    for (const question of this.#questions.values()) question.reject(new QuestionError(reason));
    this.#questions.clear();
    const culprit = this.#findCulprit();
    for (const run of [...this.#runs.values()]) {
      if (run.isCancelled) run.settle({ kind: 'cancelled', cutOff: true });
      else if (run === culprit) run.settle({ kind: 'crashed', reason, innocent: false });
      else run.settle({ kind: 'crashed', reason, innocent: true });
    }
    this.onChange();
  }

  /** Without better knowledge, the only run that was under way. */
  #findCulprit(): RunExecution | undefined {
    if (this.#culprit === 'outsider') return undefined;
    if (this.#culprit !== 'unknown') return this.#culprit;
    const all = [...this.#runs.values()];
    const entered = all.filter((run) => run.hasEntered);
    const suspects = entered.length > 0 ? entered : all;
    return suspects.length === 1 ? suspects[0] : undefined;
  }
}
