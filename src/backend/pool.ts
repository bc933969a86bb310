import type { Logger } from 'pino';
import { type Clock, settlesWithin, type Timer } from '../clock.ts';
import { messageOf } from '../errors.ts';
import { type Redact, redactorOf } from '../redact.ts';
import { Brood } from './brood.ts';
import type { BackendChild } from './child.ts';
import { CrashBackoff, type CrashWait } from './crash-backoff.ts';
import type { RunExecution } from './execution.ts';
import { Homes } from './homes.ts';
import type { Loadable } from './host.ts';
import type { PolicyLife } from './policy-life.ts';
import { QuestionError, SOON_MS } from './questions.ts';
import { RunQueue } from './run-queue.ts';

export interface PoolOptions {
  readonly located: Loadable;
  readonly clock: Clock;
  readonly log: Logger;
  /** A process without a package, as warm as can be. */
  readonly takeChild: () => BackendChild;
  /** A child was loaded: there is time to warm the next. */
  readonly onLoaded: () => void;
  /** It was closed, and its last child is gone. */
  readonly onEmpty: () => void;
}

/** Runs that wait this long, with every child busy, get another child. */
const PATIENCE_MS = 10;
/** How often it is looked whether another child would be allowed now. */
const LONG_PATIENCE_MS = 1_000;

/** Children that are asked the same, one after the other, before it is given up. */
const MOST_ASKED = 3;

type Question<Answer> = (child: BackendChild) => Promise<Answer>;

/** The children of one version of a package, the runs that wait for them, and the policies that live in them. */
export class Pool {
  readonly #options: PoolOptions;
  /** Of all policies that named the package: runs in one child have no secrets from each other. */
  readonly #secrets = new Set<string>();
  #redact: Redact = (text) => text;
  readonly #brood: Brood;
  readonly #waiting = new RunQueue();
  readonly #waitingAlone = new RunQueue();
  /** Their child is on its way. */
  readonly #startingAlone = new Set<RunExecution>();
  readonly #homes: Homes;
  readonly #crashes: CrashBackoff;
  #wasSpoilt = false;
  #isClosed = false;
  #isDispatching = false;
  #waitingSince = 0;
  #patience: Timer | undefined;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#crashes = new CrashBackoff(options.clock);
    const { located, clock, log, takeChild } = options;
    this.#brood = new Brood({
      located,
      clock,
      log,
      takeChild,
      redact: (text) => this.#redact(text),
      onBorn: (child) => this.#listenTo(child),
      onLoaded: (child) => this.#loaded(child),
      onFailed: (child, error) => this.#failed(child, error),
      onEnded: (child) => this.#ended(child),
    });
    this.#homes = new Homes(this.#brood, clock);
  }

  children(): Iterable<BackendChild> {
    return this.#brood.all();
  }

  /** From now on its children's texts are cleaned of these, too. */
  hide(secrets: readonly string[]): void {
    const before = this.#secrets.size;
    for (const secret of secrets) this.#secrets.add(secret);
    if (this.#secrets.size > before) this.#redact = redactorOf([...this.#secrets]);
  }

  get packageName(): string {
    return this.#options.located.name;
  }

  /** Why and until when none of its runs begins; undefined when they do. */
  get crashWait(): CrashWait | undefined {
    return this.#crashes.current;
  }

  /** Sets a policy up in a child, as soon as one can take it. */
  setUp(life: PolicyLife): void {
    this.#homes.setUp(life);
    this.#dispatch();
  }

  /** Takes a run; it starts as soon as a child can take it. */
  run(execution: RunExecution): void {
    if (execution.request.life !== undefined) {
      this.#homes.run(execution, execution.request.life);
      return;
    }
    if (this.#waiting.first() === undefined) this.#waitingSince = this.#now();
    (execution.request.alone ? this.#waitingAlone : this.#waiting).push(execution);
    this.#dispatch();
  }

  /**
   * Asks a child, the least busy one; when that does not answer soon, because of what it has run, a new one; when that
   * goes down with what others do in it, the next. Rejects with a {@link QuestionError} when there can be none.
   */
  async ask<Answer>(question: Question<Answer>): Promise<Answer> {
    for (let asked = 1; ; asked++) {
      try {
        return await this.#askOne(question);
      } catch (error) {
        const isLost = error instanceof QuestionError && error.kind === 'lost';
        if (!isLost || this.#isClosed || asked >= MOST_ASKED) throw error;
      }
    }
  }

  async #askOne<Answer>(question: Question<Answer>): Promise<Answer> {
    const now = this.#now();
    const ready = this.#brood.leastBusy((child) => child.isQuick(now) || !this.#brood.mayGrow(now));
    if (ready === undefined) return await question(await this.#brood.newChild());
    const answer = question(ready);
    if (await settlesWithin(this.#options.clock, SOON_MS, answer)) return await answer;
    if (this.#brood.isFull) return await answer;
    answer.catch(() => undefined);
    return await question(await this.#brood.newChild());
  }

  /** No policy names the package any more: its children end as soon as they have nothing to do. Resolves when the idle ones are gone. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const idle = [...this.#brood.all()].filter((child) => child.work.isNone);
    if (this.#waitingRuns().length > 0 || this.#homes.areWanted) return;
    await Promise.all(idle.map((child) => child.kill()));
    this.#checkEmpty();
  }

  /** Cancels the runs that wait or run, and ends every child. */
  async stop(): Promise<void> {
    this.#isClosed = true;
    for (const run of this.#waitingRuns()) run.cancel(0);
    this.#homes.stop();
    this.#stopWaiting();
    await Promise.all([...this.#brood.all()].map((child) => child.stop()));
  }

  #waitingRuns(): readonly RunExecution[] {
    return [...this.#waiting.all(), ...this.#waitingAlone.all(), ...this.#startingAlone];
  }

  #now(): number {
    return this.#options.clock.monotonic();
  }

  #dispatch(): void {
    if (this.#isDispatching) return;
    if (this.#crashes.restMs > 0) {
      if (this.#waitingRuns().length > 0 || this.#homes.areWanted) this.#dispatchAfter(this.#crashes.restMs);
      return;
    }
    this.#isDispatching = true;
    this.#handOut();
    this.#handOutAlone();
    this.#homes.find();
    this.#isDispatching = false;
    if (this.#waiting.first() !== undefined) this.#growWhenStuck();
    else this.#stopWaiting();
  }

  #handOut(): void {
    for (let run = this.#waiting.first(); run !== undefined; run = this.#waiting.first()) {
      const now = this.#now();
      const child = this.#brood.leastBusy((one) => one.work.window.isOpen && one.keepsUp);
      if (child === undefined) return;
      if (child.isSlow(now) && (this.#brood.isGrowing() || this.#brood.mayGrow(now))) return;
      this.#waiting.take();
      this.#waitingSince = now;
      child.work.start(run);
    }
  }

  /** Each in a child of its own that ends with it; a few at a time. */
  #handOutAlone(): void {
    for (let run = this.#waitingAlone.first(); run !== undefined; run = this.#waitingAlone.first()) {
      if (this.#brood.aloneCount >= this.#brood.mostChildren) return;
      this.#waitingAlone.take();
      void this.#runAlone(run);
    }
  }

  async #runAlone(run: RunExecution): Promise<void> {
    const child = this.#brood.grow(true);
    this.#startingAlone.add(run);
    try {
      await this.#brood.loaded(child);
      if (!run.isOver) child.work.start(run);
      child.drain();
    } catch (error) {
      run.settle({ kind: 'failed', reason: messageOf(error) });
    }
    this.#startingAlone.delete(run);
  }

  #stopWaiting(): void {
    this.#patience?.cancel();
    this.#patience = undefined;
  }

  /** Runs wait although they could be handed out if there were another child. */
  #growWhenStuck(): void {
    const now = this.#now();
    const mayGrow = this.#brood.mayGrow(now) && !this.#brood.isGrowing();
    if (this.#brood.size === 0 || (mayGrow && now - this.#waitingSince >= PATIENCE_MS)) {
      this.#waitingSince = now;
      this.#brood.grow(false);
    }
    this.#dispatchAfter(mayGrow ? PATIENCE_MS : LONG_PATIENCE_MS);
  }

  #dispatchAfter(delayMs: number): void {
    this.#patience ??= this.#options.clock.after(delayMs, () => {
      this.#patience = undefined;
      this.#dispatch();
    });
  }

  #listenTo(child: BackendChild): void {
    child.onChange = () => this.#changed(child);
    child.onRunEnded = () => this.#crashes.recovered();
    child.onSpoilt = (by) => this.#spoilt(by);
    child.onWithdrawn = (runs) => this.#takeBack(runs);
  }

  #loaded(child: BackendChild): void {
    this.#options.onLoaded();
    this.#changed(child);
  }

  /** Runs that nobody is left to take would only wait for the same failure again. */
  #failed(child: BackendChild, error: unknown): void {
    if (!this.#brood.isLast(child)) return;
    for (const run of this.#waiting.all()) run.settle({ kind: 'failed', reason: messageOf(error) });
  }

  #takeBack(runs: readonly RunExecution[]): void {
    for (const run of runs) this.run(run);
  }

  /** Told once: a package that does it does it always. */
  #spoilt(by: string): void {
    const level = this.#wasSpoilt ? 'debug' : 'warn';
    this.#wasSpoilt = true;
    this.#options.log[level](`A process takes no more runs, because its runs ${this.#redact(by)}`);
  }

  #ended(child: BackendChild): void {
    if (child.fault !== undefined) this.#crashed(child.fault);
    this.#dispatch();
    this.#checkEmpty();
  }

  #crashed(fault: string): void {
    const wait = this.#crashes.crashed(fault);
    if (wait === undefined || this.#isClosed) return;
    this.#options.log.warn(`No run begins before ${new Date(wait.until).toISOString()}: ${wait.reason}`);
  }

  #checkEmpty(): void {
    if (this.#isClosed && this.#brood.size === 0) this.#options.onEmpty();
  }

  #changed(child: BackendChild): void {
    this.#brood.rest(child, this.#isClosed && this.#waiting.first() === undefined && !this.#homes.areWanted);
    this.#homes.handOut(child);
    this.#dispatch();
  }
}
