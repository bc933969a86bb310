import type { Logger } from 'pino';
import { type Clock, settlesWithin } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Redact } from '../redact.ts';
import { type Culprit, settleAfterDeath } from './blame.ts';
import { ChildWords } from './child-words.ts';
import type { Description } from './contract.ts';
import type { RunExecution } from './execution.ts';
import { controlFrame, FrameError, FrameReader, FrameSender, workFrameHead } from './frames.ts';
import { Heartbeat, LONGEST_SILENCE_MS } from './heartbeat.ts';
import type { PolicyPayload, RunRequest, SchemaFinding } from './host.ts';
import { IngestExecution, type IngestPort } from './ingest-execution.ts';
import { IsolatedProcess, type ProcessOptions } from './isolated-process.ts';
import type { ToChild, WorkForChild } from './messages.ts';
import { OwedAnswers, SILENT_MS } from './owed-answers.ts';
import type { LifePort, PolicyLife } from './policy-life.ts';
import type { ProcessUsage } from './process-usage.ts';
import { QuestionError, Questions } from './questions.ts';
import { HandOutWindow } from './window.ts';

export interface ChildOptions extends Omit<ProcessOptions, 'onLine' | 'isBusy'> {
  readonly log: Logger;
  /** A number that no run and no life has. */
  readonly newNumber: () => number;
}

/** How a backend introduces itself, and whether policies live in its children. */
export interface Introduction {
  readonly description: Description;
  readonly isResident: boolean;
}

/** What a child may import. */
export interface Loadable {
  readonly name: string;
  readonly entryUrl: string;
}

/** Bytes that may wait for a child to read them; a child with more takes no further runs. */
const MOST_BACKLOG = 2 ** 20;

/** A closed channel belongs to a process that is about to end; one that is not, is ended after this. */
const END_AFTER_CLOSE_MS = 1_000;

const SILENT = `its process did not answer for ${SILENT_MS / 1_000} s`;

const THREW = 'threw outside its run';
const THREW_IN_LIFE = 'threw outside its setup';

/**
 * One child process and what the daemon knows of it: its package, its runs, the policies that live in it, the
 * questions it owes answers to.
 * Whatever it sends is checked; a child that sends anything else than it may is ended.
 */
export class BackendChild implements IngestPort, LifePort {
  /** Resolves when the process is gone and every run and question of it is settled. */
  readonly ended: Promise<void>;
  readonly window = new HandOutWindow();
  readonly #clock: Clock;
  #log: Logger;
  #redact: Redact = (text) => text;
  readonly #process: IsolatedProcess;
  readonly #sender: FrameSender | undefined;
  readonly #newNumber: () => number;
  readonly #runs = new Map<number, RunExecution>();
  readonly #lives = new Map<number, PolicyLife>();
  readonly #questions: Questions;
  #packageName: string | undefined;
  #isLoaded = false;
  #isDraining = false;
  #isKilled = false;
  #hasEnded = false;
  /** Why the daemon ended it, where that says more than how the process ended. */
  #killedFor: string | undefined;
  #culprit: Culprit = 'unknown';
  #fault: string | undefined;
  readonly #owed: OwedAnswers;
  readonly #heartbeat: Heartbeat;
  /** Called when it can take more work, or has less. */
  onChange: () => void = () => undefined;
  /** Called when a run came to its end in it, whatever end. */
  onRunEnded: () => void = () => undefined;
  /** Called when runs have left something behind in it, with what that is: it takes no more. */
  onSpoilt: (by: string) => void = () => undefined;
  /** Called with runs that it was handed and did not enter: it gets no turn to do that. */
  onWithdrawn: (runs: readonly RunExecution[]) => void = () => undefined;

  constructor({ log, newNumber, ...options }: ChildOptions) {
    this.#newNumber = newNumber;
    this.#clock = options.clock;
    this.#log = log;
    this.#questions = new Questions(options.clock, (reason) => void this.kill(reason, 'outsider'));
    this.#owed = new OwedAnswers({
      clock: options.clock,
      window: this.window,
      isNeeded: () => this.#runs.size > 0,
      onSilent: () => this.#giveUpWaiting(),
    });
    this.#heartbeat = new Heartbeat({
      clock: options.clock,
      isNeeded: () => this.#hurtsSomebody,
      ping: () => this.#tell({ type: 'ping' }),
      onSilent: () => void this.kill(`its process did not answer for ${LONGEST_SILENCE_MS / 1_000} s`),
    });
    this.#process = new IsolatedProcess({
      ...options,
      isBusy: () => !this.isIdle || this.#questions.areOpen,
      onLine: (stream, line) => this.#log[stream === 'stderr' ? 'warn' : 'info'](this.#redact(line)),
    });
    const { channel } = this.#process;
    if (channel !== undefined) {
      this.#sender = new FrameSender(channel);
      this.#listen(channel);
    }
    this.ended = this.#process.ended.then((how) => this.#settleAll(how));
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

  /** Policies that live in it. */
  get lifeCount(): number {
    return this.#lives.size;
  }

  /** True when it has no run, and no policy lives in it. */
  get isIdle(): boolean {
    return this.#runs.size === 0 && this.#lives.size === 0;
  }

  /** Its silence would: a run that has it alone, or alone with its policy, may take its time. */
  get #hurtsSomebody(): boolean {
    return this.#runs.size > 1 || this.#lives.size > 1 || (this.#lives.size === 1 && this.#runs.size === 0);
  }

  /** What its package did that it ended of, in words; undefined when it ended because the daemon had no more need of it. */
  get fault(): string | undefined {
    return this.#fault;
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

  /**
   * Imports a package, once in its life. Rejects with a {@link QuestionError}.
   * @param redact cleans what it says and prints from then on.
   */
  async load(located: Loadable, log: Logger, redact: Redact): Promise<void> {
    this.#packageName = located.name;
    this.#log = log;
    this.#process.watch();
    this.#redact = redact;
    const { name, entryUrl } = located;
    await this.#ask('loaded', 'its import', (id) => this.#tell({ type: 'load', id, name, entryUrl }));
    this.#isLoaded = true;
  }

  /** Rejects with a {@link QuestionError}. */
  describe(): Promise<Introduction> {
    return this.#ask('described', 'describe()', (id) => this.#tell({ type: 'describe', id }));
  }

  /** Rejects with a {@link QuestionError}. */
  check(payload: PolicyPayload): Promise<readonly SchemaFinding[]> {
    const send = (id: number): void => this.#tellWithPayload({ type: 'check', id }, payload);
    return this.#ask('checked', 'its schemas', send);
  }

  /** Hands a run over; whatever happens to the child, the run gets an outcome. */
  start(execution: RunExecution): void {
    const { number, request } = execution;
    this.#runs.set(number, execution);
    this.#process.watch();
    this.#owed.begin();
    this.#heartbeat.begin();
    this.window.handed(this.#clock.monotonic());
    execution.handTo(this);
    this.#noteSharing(execution);
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

  /** Sets a policy up; whatever happens to the child, its life gets an end. */
  setUp(life: PolicyLife): void {
    const { number, request } = life;
    this.#lives.set(number, life);
    this.#process.watch();
    this.#heartbeat.begin();
    life.handTo(this);
    const { policyName, payload } = request;
    this.#tellWithPayload({ type: 'setup', life: number, policyName }, payload);
  }

  usage(): ProcessUsage | undefined {
    return this.#process.usage();
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
      if (culprit === undefined) this.#fault ??= reason;
      if (culprit !== undefined && this.#culprit === 'unknown') this.#culprit = culprit;
      this.#process.kill();
    }
    return this.ended;
  }

  /** Ends the process for the daemon's own sake: its runs are cancelled. */
  stop(): Promise<void> {
    for (const run of this.#runs.values()) run.cancel(0);
    for (const life of this.#lives.values()) life.end(0);
    return this.kill();
  }

  #noteSharing(added: RunExecution): void {
    if (this.#runs.size < 2) return;
    added.shareProcess();
    if (this.#runs.size === 2) for (const run of this.#runs.values()) run.shareProcess();
  }

  #listen(channel: NonNullable<IsolatedProcess['channel']>): void {
    const words = new ChildWords({
      runs: this.#runs,
      lives: this.#lives,
      ingest: (owner, id) => this.#ingest(owner, id),
      questions: this.#questions,
      log: () => this.#log,
      redact: (text) => this.#redact(text),
      turned: (runs) => this.#turned(runs),
      runEnded: () => this.onRunEnded(),
      leaving: (run) => this.#leaving(run),
      spoilt: (by) => this.#retire(by),
      threw: (run, text) => this.#threw(run, text),
    });
    const reader = new FrameReader({
      limitOf: (kind) => words.limitOf(kind),
      onFrame: (kind, body) => words.take(kind, body),
    });
    channel.on('data', (chunk: Buffer) => {
      if (this.#isKilled) return;
      this.#heartbeat.heard();
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
    if (await settlesWithin(this.#clock, END_AFTER_CLOSE_MS, this.#process.exited)) return;
    await this.kill('closed its channel');
  }

  #turned(runs: number): void {
    const isTrue = this.window.answered(runs, this.#clock.monotonic());
    if (!isTrue) throw new FrameError('an answer for runs that it was not handed');
  }

  #leaving(number: number | null): void {
    const known = this.#runs.get(number ?? -1) ?? this.#lives.get(number ?? -1);
    this.#culprit = known ?? (number === null ? 'unknown' : 'outsider');
  }

  /** A throw that belongs to a run costs that run, and the process takes no more; any other ends the process. */
  #threw(number: number | null, text: string): void {
    const life = this.#lives.get(number ?? -1);
    const reason = `${life === undefined ? THREW : THREW_IN_LIFE}: ${text}`;
    // What was thrown may hold what only one policy may show.
    this.#fault ??= THREW;
    if (number === null) {
      void this.kill(reason);
      return;
    }
    const run = this.#runs.get(number);
    if (run !== undefined) run.settle({ kind: 'failed', reason });
    else if (life !== undefined) life.threw(reason);
    else if (!this.#isDraining) this.#log.warn(`A run that was over ${reason}`);
    this.drain();
  }

  /** Its next runs would find what others left there. */
  #retire(by: string): void {
    if (!this.#isDraining) this.onSpoilt(by);
    this.drain();
  }

  #endWhenDrained(): void {
    if (this.#isDraining && this.isIdle) void this.kill();
  }

  /** Opens a run for entities that code of a run or a life hands over. */
  #ingest(owner: RunExecution | PolicyLife, id: number): void {
    try {
      owner.ingest((request) => this.#open(id, request));
    } catch (error) {
      if (error instanceof FrameError) throw error;
      this.#tell({ type: 'unopened', id, reason: messageOf(error) });
    }
  }

  #open(id: number, request: RunRequest): IngestExecution {
    const { identity, encoding, closeBatchAfterMs } = request;
    const run = this.#newNumber();
    const execution = new IngestExecution(run, request, this.#clock, this);
    this.#runs.set(run, execution);
    this.#tell({ type: 'opened', id, run, runId: identity.runId, encoding, closeBatchAfterMs });
    return execution;
  }

  answer(run: number, refusal: string | undefined): void {
    this.#tell(refusal === undefined ? { type: 'kept', run } : { type: 'unkept', run, reason: refusal });
  }

  forget(execution: RunExecution): void {
    this.#runs.delete(execution.number);
    if (this.#runs.size === 0) this.window.rest();
    if (!this.isEnding) this.#heartbeat.begin();
    this.#endWhenDrained();
  }

  tearDown(life: PolicyLife): void {
    this.#tell({ type: 'teardown', life: life.number });
  }

  endFor(life: PolicyLife, reason: string, culprit: 'life' | 'outsider'): void {
    if (this.#culprit === 'unknown' && culprit === 'life') this.#culprit = life;
    void this.kill(reason, culprit === 'outsider' ? culprit : undefined);
  }

  forgetLife(life: PolicyLife, isClean: boolean): void {
    this.#lives.delete(life.number);
    if (!isClean && this.isIdle && !this.#questions.areOpen) void this.kill(undefined, 'outsider');
    this.#endWhenDrained();
    this.onChange();
  }

  tell(type: 'abort' | 'grant' | 'refuse', run: number): void {
    this.#tell({ type, run });
  }

  cutOff(): void {
    void this.kill('its process was ended because another run did not stop', 'outsider');
  }

  /** Takes no more runs, and ends after those it has; policies that live in it have to move. */
  drain(): void {
    this.#isDraining = true;
    for (const life of this.#lives.values()) life.move();
    this.#endWhenDrained();
  }

  #tell(message: ToChild): void {
    this.#sender?.send(controlFrame(JSON.stringify(message)));
  }

  #tellWithPayload(message: WorkForChild, payload: PolicyPayload): void {
    this.#sender?.send(workFrameHead(JSON.stringify(message), payload.length), payload);
  }

  #ask: Questions['ask'] = (kind, whose, send) => {
    if (this.#hasEnded) return Promise.reject(new QuestionError('its process has ended'));
    return this.#questions.ask(kind, whose, send);
  };

  /**
   * What it has not entered by now goes to another. A run that keeps the others from being entered may have good reasons;
   * without one it is what a past run left behind.
   */
  #giveUpWaiting(): void {
    const handed = [...this.#runs.values()].filter((run) => !run.hasEntered);
    for (const run of handed) {
      this.#runs.delete(run.number);
      this.#tell({ type: 'withdraw', run: run.number });
    }
    this.window.withdrawn(handed.length);
    if (this.#runs.size === 0) void this.kill(SILENT);
    this.onWithdrawn(handed.filter((run) => run.withdraw(SILENT)));
  }

  #settleAll(how: string): void {
    if (!this.#isKilled) this.#fault ??= how;
    this.#owed.end();
    this.#heartbeat.end();
    this.#isKilled = true;
    this.#hasEnded = true;
    this.#questions.declineAll(this.#killedFor ?? how);
    settleAfterDeath({
      runs: [...this.#runs.values()],
      lives: [...this.#lives.values()],
      culprit: this.#culprit,
      how,
      killedFor: this.#killedFor,
    });
    this.onChange();
  }
}
