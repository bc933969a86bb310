import { settlesWithin } from '../clock.ts';
import type { DeliveryOutcome } from '../delivery/contract.ts';
import { ConflictError, UnavailableError } from '../errors.ts';
import { ActiveRun } from './active-run.ts';
import { AsideRuns } from './aside-runs.ts';
import type {
  BesideSchedule,
  Farewell,
  LeftRuns,
  RunCoordinator,
  RunnablePolicy,
  StopReport,
} from './contract.ts';
import { InheritedRuns } from './inherited-runs.ts';
import { LiveRuns } from './live-runs.ts';
import { openRun } from './open-run.ts';
import type { OverlapDecision } from './overlap.ts';
import { OverlapGroups } from './overlap-groups.ts';
import { Places } from './places.ts';
import { Retries, retryAtOf } from './retries.ts';
import { isFinal, isOwed, type Run, type RunTrigger } from './run.ts';
import type { ActiveParts, RunParts } from './run-parts.ts';
import { Slices } from './slices.ts';
import { STOP_REASON } from './stop-reason.ts';

interface CoordinatorOptions extends RunParts {
  /** Backends at work at once; Infinity: no limit. */
  readonly concurrency: number;
}

/** Of the time to stop: what a backend gets to stop by itself. What remains is for what it has yielded. */
const BACKENDS_SHARE_OF_STOP = 0.6;
/** Of it as well: what a backend gets to tear its policies down, and then to hand over what it has begun to. */
const FAREWELL_SHARE_OF_STOP = 0.1;
/** A delivery that was given up needs no time but a few turns of the event loop. */
const ABORT_MS = 100;
/** How long the event loop may be kept by runs that end together: shorter than what is due gets, which comes first. */
const ENDINGS_SLICE_MS = 0.5;

/** Decides whether due runs start, and takes each through its states (design: A run's life). */
export function createRunCoordinator(options: CoordinatorOptions): RunCoordinator {
  return new Coordinator(options);
}

class Coordinator implements RunCoordinator {
  readonly #parts: ActiveParts;
  readonly #groups = new OverlapGroups();
  readonly #live = new LiveRuns();
  readonly #aside: AsideRuns;
  readonly #inherited: InheritedRuns;
  readonly #retries: Retries;
  readonly #places: Places<ActiveRun>;
  readonly #endings: Slices;
  #sequence = 0;
  #isStopping = false;

  constructor(options: CoordinatorOptions) {
    this.#aside = new AsideRuns({
      open: (policy) => this.#open(policy, 'ingest', options.clock.now()),
      onBegun: (active) => this.#live.add(active),
      onEnded: (run) => this.#live.forget(run),
    });
    this.#parts = { ...options, beside: this.#aside };
    this.#endings = new Slices(options.clock, ENDINGS_SLICE_MS);
    this.#places = new Places(options.concurrency, (active) => void this.#conduct(active));
    this.#retries = new Retries(options.clock, (policy, run) => this.#repeatLater(policy, run));
    this.#inherited = new InheritedRuns({ runs: options, live: this.#live, retries: this.#retries });
  }

  restore(left: LeftRuns): void {
    this.#sequence = left.lastSequence;
    this.#inherited.restore(left);
  }

  takeUp(policy: RunnablePolicy): boolean {
    return this.#inherited.takeUp(policy);
  }

  fire(policy: RunnablePolicy, trigger: RunTrigger, dueAt: number): void {
    if (this.#isStopping) return;
    this.#begin(this.#open(policy, trigger, dueAt), this.#groups.decide(policy, trigger));
  }

  skip(policy: RunnablePolicy, trigger: RunTrigger, dueAt: number, reason: string): void {
    if (this.#isStopping) return;
    this.#open(policy, trigger, dueAt).endBeforeStart('skipped', reason);
  }

  submit(policy: RunnablePolicy): Readonly<Run> {
    if (this.#isStopping) throw new UnavailableError('the daemon is stopping');
    const decision = this.#groups.decide(policy, 'submit');
    if (decision.kind === 'skip') {
      throw new ConflictError(`policy '${policy.name}' cannot be run now: ${decision.reason}`);
    }
    const active = this.#open(policy, 'submit', this.#parts.clock.now());
    this.#start(active, decision.kind);
    return active.run;
  }

  async cancel(policy: RunnablePolicy, reason: string, graceMs: number): Promise<void> {
    this.#retries.dropOf(policy);
    const aside = this.#aside.cancelOf(policy, { status: 'cancelled', reason }, graceMs);
    const ended = [...this.#endAll(this.#groups.of(policy), reason, graceMs), ...aside];
    await Promise.all(ended.map((active) => active.whenBackendEnded()));
  }

  cancelRun(id: string, reason: string): Readonly<Run> | undefined {
    const live = this.#live.get(id);
    live?.cancel(reason);
    if (live instanceof ActiveRun && live.run.trigger !== 'ingest') this.#sweep(live);
    return live?.run;
  }

  async retire(policy: RunnablePolicy, reason: string): Promise<void> {
    this.#retries.dropOf(policy);
    const runs = (): readonly ActiveRun[] =>
      this.#groups.of(policy).filter((active) => active.policy === policy);
    this.#endAll(
      runs().filter((active) => !active.hasBegun),
      reason,
      0,
    );
    // One that another's crash takes along is run again.
    for (let left = runs(); left.length > 0; left = runs()) {
      await Promise.all(left.map((active) => active.whenBackendEnded()));
    }
  }

  ingest: BesideSchedule['ingest'] = (policy, begin) => this.#aside.ingest(policy, begin);

  recordFailure: BesideSchedule['recordFailure'] = (policy, reason) =>
    this.#aside.recordFailure(policy, reason);

  async stop(timeoutMs: number, farewell?: Farewell): Promise<StopReport> {
    this.#isStopping = true;
    this.#retries.dropAll();
    const { clock, delivery } = this.#parts;
    const deadline = clock.monotonic() + timeoutMs;
    const cancelled = this.#cancelAll(timeoutMs * BACKENDS_SHARE_OF_STOP);
    if (farewell !== undefined || this.#aside.areAny) {
      const backends = Promise.all(cancelled.map((active) => active.whenBackendEnded()));
      await settlesWithin(clock, timeoutMs * BACKENDS_SHARE_OF_STOP, backends);
      const graceMs = timeoutMs * FAREWELL_SHARE_OF_STOP;
      await farewell?.(graceMs);
      this.#aside.close({ status: 'cancelled', reason: STOP_REASON }, graceMs);
    }
    await settlesWithin(clock, deadline - clock.monotonic(), this.#live.whenNone());
    const left = await delivery.stop(Math.max(0, deadline - clock.monotonic()));
    await settlesWithin(clock, ABORT_MS, this.#live.whenNone());
    return { cancelledRuns: cancelled.length, delivery: left };
  }

  /** The run that a policy is owed does not count as ended: it is run again by the daemon's next life. */
  #cancelAll(graceMs: number): readonly ActiveRun[] {
    const now = this.#parts.clock.now();
    const runs = this.#groups.all();
    for (const { run, policy } of runs) {
      if (policy.kind === 'once' && isOwed(run)) run.retryAt = now;
    }
    return this.#endAll(runs, STOP_REASON, graceMs);
  }

  /** @param repeats the run that this one stands in for. */
  #open(
    policy: RunnablePolicy,
    trigger: RunTrigger,
    dueAt: number,
    repeats?: { readonly run: Readonly<Run>; readonly retries: number; readonly isAlone: boolean },
  ): ActiveRun {
    const { retries = 0, isAlone = false } = repeats ?? {};
    const now = this.#parts.clock.now();
    const sequence = ++this.#sequence;
    const run = openRun(policy, trigger, { sequence, dueAt, repeats: repeats?.run, retries, now });
    return new ActiveRun(run, policy, this.#parts, isAlone);
  }

  #begin(active: ActiveRun, decision: OverlapDecision): void {
    if (decision.kind === 'skip') active.endBeforeStart('skipped', decision.reason);
    else this.#start(active, decision.kind);
  }

  #start(active: ActiveRun, how: 'start' | 'wait'): void {
    this.#live.add(active);
    if (how === 'wait') {
      this.#groups.wait(active);
      return;
    }
    this.#groups.enter(active);
    this.#places.take(active);
  }

  async #conduct(active: ActiveRun): Promise<void> {
    const caughtUp = active.policy.catchUp();
    if (caughtUp !== undefined) {
      await caughtUp;
      if (isFinal(active.run.status)) return;
      active.takeBackend();
    }
    const settled = active.policy.whenSettled();
    if (settled !== undefined) {
      await settled;
      if (isFinal(active.run.status)) return;
    }
    const outcome = await active.begin();
    const turn = this.#endings.turn();
    if (turn) await turn;
    active.endBackend(outcome);
    const wasInnocent = outcome.kind === 'crashed' && outcome.innocent && !active.isEndedEarly;
    const isRepeated = wasInnocent && !active.isAlone && !this.#isStopping;
    if (isRepeated) this.#repeatNow(active);
    this.#makeRoom(active);
    const delivered = await active.finishDelivery();
    if (!delivered.isLeft) this.#conclude(active, delivered, wasInnocent && !isRepeated);
    this.#live.forget(active.run);
  }

  #conclude(active: ActiveRun, delivered: DeliveryOutcome, isTakenAlong: boolean): void {
    const { policy, run } = active;
    const isPassing = isTakenAlong || active.hasFailedInPassing(delivered);
    if (isPassing) run.retryAt = retryAtOf(run, policy.retry, this.#parts.clock.now());
    active.conclude(delivered);
    if (isPassing && run.retryAt !== undefined && !this.#isStopping) {
      this.#retries.add(policy, run, run.retryAt);
    }
  }

  /** A run that went down with another's child gets one more at once, in a child of its own: what is owed is that one. */
  #repeatNow({ policy, run }: ActiveRun): void {
    if (policy.kind === 'once' && isOwed(run)) run.retryAt = this.#parts.clock.now();
    const repeats = { run, retries: run.retries, isAlone: true };
    this.#start(this.#open(policy, 'retry', run.dueAt, repeats), 'start');
  }

  /** One that the daemon's own stop has cancelled has used up none of its retries. */
  #repeatLater(policy: RunnablePolicy, run: Readonly<Run>): void {
    if (this.#isStopping) return;
    const retries = run.status === 'cancelled' ? run.retries : run.retries + 1;
    const active = this.#open(policy, 'retry', run.dueAt, { run, retries, isAlone: false });
    const isOnly = policy.kind === 'once' && isOwed(run);
    this.#begin(active, this.#groups.decide(policy, isOnly ? 'once' : 'retry'));
  }

  /** The backend's part is over: the next run of the group, and the next of all that wait, may begin. */
  #makeRoom(active: ActiveRun): void {
    this.#places.leave(active);
    const next = this.#groups.leave(active);
    if (next) this.#places.take(next);
  }

  /** Ends those that have not begun at once, signals those that have; returns what is being ended. */
  #endAll(runs: readonly ActiveRun[], reason: string, graceMs: number): readonly ActiveRun[] {
    for (const active of runs) {
      active.endEarly({ status: 'cancelled', reason }, graceMs);
      this.#sweep(active);
    }
    return runs;
  }

  /** A run that was ended before it began takes no place any more. */
  #sweep(active: ActiveRun): void {
    if (!isFinal(active.run.status)) return;
    if (!this.#groups.endWait(active)) this.#makeRoom(active);
    this.#live.forget(active.run);
  }
}
