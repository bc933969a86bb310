import type { Logger } from 'pino';
import { type Clock, settlesWithin } from '../clock.ts';
import type { Redact } from '../redact.ts';
import { type Culprit, settleAfterDeath } from './blame.ts';
import { ChildWords } from './child-words.ts';
import { ChildWork } from './child-work.ts';
import type { RunExecution } from './execution.ts';
import { hearChild } from './hear-child.ts';
import { Heartbeat, LONGEST_SILENCE_MS } from './heartbeat.ts';
import type { Loadable, PolicyPayload, SchemaFinding } from './host.ts';
import { IsolatedProcess, type ProcessOptions } from './isolated-process.ts';
import { MessageSender } from './message-sender.ts';
import type { PolicyLife } from './policy-life.ts';
import { type Introduction, QuestionError, Questions } from './questions.ts';

export interface ChildOptions extends Omit<ProcessOptions, 'onLine' | 'isBusy'> {
  readonly log: Logger;
  /** A number that no run and no life has. */
  readonly newNumber: () => number;
}

/** A closed channel belongs to a process that is about to end; one that is not, is ended after this. */
const END_AFTER_CLOSE_MS = 1_000;

/** What listens to its end may have something to do first; it may not take longer than this. */
const END_AFTER_LEAVING_MS = 5_000;

const DID_NOT_LEAVE = `called process.exit and did not end within ${END_AFTER_LEAVING_MS / 1_000} s`;
const THREW = 'threw outside its run';
const THREW_IN_LIFE = 'threw outside its setup';

/**
 * One child process and what the daemon knows of it: its package, its work, the questions that it owes answers to.
 * Whatever it sends is checked; a child that sends anything else than it may is ended.
 */
export class BackendChild {
  /** Resolves when the process is gone and every run and question of it is settled. */
  readonly ended: Promise<void>;
  readonly work: ChildWork;
  readonly #clock: Clock;
  #log: Logger;
  #redact: Redact = (text) => text;
  readonly #process: IsolatedProcess;
  readonly #sender: MessageSender;
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
    this.#clock = options.clock;
    this.#log = log;
    this.#questions = new Questions(options.clock, (reason, wasRead) =>
      this.#endUnlessAtWork(reason, wasRead),
    );
    this.#heartbeat = new Heartbeat({
      clock: options.clock,
      isNeeded: () => this.work.suffersFromSilence,
      ping: () => this.#sender.tell({ type: 'ping' }),
      onSilent: () => void this.kill(`its process did not answer for ${LONGEST_SILENCE_MS / 1_000} s`),
    });
    this.#process = new IsolatedProcess({
      ...options,
      isBusy: () => !this.work.isNone || this.#questions.areOpen,
      onLine: (stream, line) => this.#log[stream === 'stderr' ? 'warn' : 'info'](this.#redact(line)),
    });
    const { channel } = this.#process;
    this.#sender = new MessageSender(channel);
    this.work = this.#newWork(newNumber);
    if (channel !== undefined) this.#listen(channel);
    this.ended = this.#process.ended.then((how) => this.#settleAll(how));
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  get packageName(): string | undefined {
    return this.#packageName;
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
    return this.#isDraining || this.#isKilled || this.#process.hasExited;
  }

  /** True when it leaves nothing unanswered for long: what else it is asked, it will answer soon. */
  isQuick(now: number): boolean {
    return this.work.window.isQuick(now) && this.#questions.areQuick(now);
  }

  /** True when others that can take work are asked before it. */
  isSlow(now: number): boolean {
    return this.work.window.isBusy(now) || !this.isQuick(now);
  }

  /** True when it may never answer again. */
  isStuck(now: number): boolean {
    return this.work.window.isStuck(now) || (this.#isLoaded && this.#questions.areStuck(now));
  }

  /** True when it reads what it is sent. */
  get keepsUp(): boolean {
    return this.#sender.isRead;
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
    await this.#ask('loaded', 'its import', (id) => this.#sender.tell({ type: 'load', id, name, entryUrl }));
    this.#isLoaded = true;
  }

  /** Rejects with a {@link QuestionError}. */
  describe(): Promise<Introduction> {
    return this.#ask('described', 'describe()', (id) => this.#sender.tell({ type: 'describe', id }));
  }

  /** Rejects with a {@link QuestionError}. */
  check(payload: PolicyPayload): Promise<readonly SchemaFinding[]> {
    const send = (id: number): void => this.#sender.tellWithPayload({ type: 'check', id }, payload);
    return this.#ask('checked', 'its schemas', send);
  }

  /**
   * Ends the process and all that it started.
   *
   * @param reason what its runs are told, where that says more than how the process ended.
   * @param culprit whose fault it is, where that is known; `outsider`: with none of those that are left.
   */
  kill(reason?: string, culprit?: PolicyLife | 'outsider'): Promise<void> {
    if (!this.#isKilled) {
      this.#isKilled = true;
      this.#killedFor ??= reason;
      if (culprit !== 'outsider') this.#fault ??= reason;
      if (culprit !== undefined && this.#culprit === 'unknown') this.#culprit = culprit;
      this.#process.kill();
    }
    return this.ended;
  }

  /** Ends the process for the daemon's own sake: its runs are cancelled. */
  stop(): Promise<void> {
    this.work.cancel();
    return this.kill();
  }

  /** Takes no more runs, and ends after those it has; policies that live in it have to move. */
  drain(): void {
    this.#isDraining = true;
    this.work.moveLives();
    this.#endWhenDrained();
  }

  #newWork(newNumber: () => number): ChildWork {
    return new ChildWork({
      clock: this.#clock,
      sender: this.#sender,
      newNumber,
      usage: () => this.#process.usage(),
      onBegun: () => {
        this.#process.watch();
        this.#heartbeat.begin();
      },
      onRunOver: () => {
        if (!this.isEnding) this.#heartbeat.begin();
        this.#endWhenDrained();
      },
      onLifeOver: (isClean) => this.#lifeOver(isClean),
      onWithdrawn: (runs) => this.onWithdrawn(runs),
      end: (reason, culprit) => void this.kill(reason, culprit),
    });
  }

  #listen(channel: NonNullable<IsolatedProcess['channel']>): void {
    const words = new ChildWords({
      work: this.work,
      questions: this.#questions,
      log: () => this.#log,
      redact: (text) => this.#redact(text),
      runEnded: () => this.onRunEnded(),
      leaving: (run) => this.#leaving(run),
      spoilt: (by) => this.#retire(by),
      threw: (run, text) => this.#threw(run, text),
    });
    hearChild(channel, {
      words,
      isOver: () => this.#isKilled,
      onHeard: () => this.#heartbeat.heard(),
      onChange: () => this.onChange(),
      onLie: (reason) => void this.kill(reason),
      onClosed: () => void this.#endUnlessGone(END_AFTER_CLOSE_MS, 'closed its channel'),
    });
  }

  /** It is about to end by itself; when it does not, it is ended, and `reason` is why. */
  async #endUnlessGone(withinMs: number, reason: string): Promise<void> {
    if (!(await settlesWithin(this.#clock, withinMs, this.#process.exited))) await this.kill(reason);
  }

  /** A question was not answered. Who has not even come to it is kept by its own work, which may have good reasons. */
  #endUnlessAtWork(reason: string, wasRead: boolean): void {
    if (wasRead || !this.work.isUnderWay) this.work.takeBack(() => void this.kill(reason, 'outsider'));
  }

  #leaving(number: number | null): void {
    const known = this.work.runs.get(number ?? -1) ?? this.work.lives.get(number ?? -1);
    this.#culprit = known ?? (number === null ? 'unknown' : 'outsider');
    this.#isDraining = true;
    void this.#endUnlessGone(END_AFTER_LEAVING_MS, DID_NOT_LEAVE);
  }

  /** A throw that belongs to a run costs that run, and the process takes no more; any other ends the process. */
  #threw(number: number | null, text: string): void {
    const life = this.work.lives.get(number ?? -1);
    const reason = `${life === undefined ? THREW : THREW_IN_LIFE}: ${text}`;
    // What was thrown may hold what only one policy may show.
    this.#fault ??= THREW;
    if (number === null) {
      void this.kill(reason);
      return;
    }
    const run = this.work.runs.get(number);
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
    if (this.#isDraining && this.work.isNone) void this.kill();
  }

  #lifeOver(isClean: boolean): void {
    if (!isClean && this.work.isNone && !this.#questions.areOpen) void this.kill(undefined, 'outsider');
    this.#endWhenDrained();
    this.onChange();
  }

  #ask: Questions['ask'] = (kind, whose, send) => {
    if (this.#hasEnded) return Promise.reject(new QuestionError('its process has ended', 'lost'));
    return this.#questions.ask(kind, whose, send);
  };

  #settleAll(how: string): void {
    if (!this.#isKilled) this.#fault ??= how;
    this.work.stopWaiting();
    this.#heartbeat.end();
    this.#isKilled = true;
    this.#hasEnded = true;
    // Who asks something of a package that ends of it would get no other answer elsewhere.
    const isLost = this.#fault === undefined || this.work.wasUsed;
    this.#questions.declineAll(new QuestionError(this.#killedFor ?? how, isLost ? 'lost' : 'fault'));
    settleAfterDeath({
      runs: [...this.work.runs.values()],
      lives: [...this.work.lives.values()],
      culprit: this.#culprit,
      how,
      killedFor: this.#killedFor,
    });
    this.onChange();
  }
}
