import { settlesWithin } from '../clock.ts';
import type { DeliveryOutcome } from '../delivery/contract.ts';
import { ConflictError, UnavailableError } from '../errors.ts';
import { type ActiveParts, ActiveRun, type RunParts } from './active-run.ts';
import { AsideRuns } from './aside-runs.ts';
import type {
  BesideSchedule,
  Farewell,
  LeftRuns,
  RunCoordinator,
  RunnablePolicy,
  StopReport,
} from './contract.ts';
import { type LeftOfPolicy, lossOf, sortLeft } from './left-runs.ts';
import type { LiveRun } from './live-run.ts';
import { openRun } from './open-run.ts';
import { decideOverlap, type OverlapDecision } from './overlap.ts';
import { Places } from './places.ts';
import { ResumedRun } from './resumed-run.ts';
import { Retries, retryAtOf } from './retries.ts';
import { isFinal, moveTo, type Run, type RunTrigger } from './run.ts';
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
/** A run of an earlier life is run again no sooner than this: a daemon that starts has other things to do. */
const REPEAT_AFTER_START_MS = 1_000;

/** Decides whether due runs start, and takes each through its states (design: A run's life). */
export function createRunCoordinator(options: CoordinatorOptions): RunCoordinator {
  return new Coordinator(options);
}

/** Runs of an overlap group whose backend's part is not over. */
interface GroupRuns {
  /** At work, or waiting for a free place. */
  readonly atWork: ActiveRun[];
  /** Wait for those at work. */
  readonly waiting: ActiveRun[];
}

class Coordinator implements RunCoordinator {
  readonly #parts: ActiveParts;
  readonly #aside: AsideRuns;
  readonly #places: Places<ActiveRun>;
  /** Groups without such runs are not in it. */
  readonly #groups = new Map<object, GroupRuns>();
  /** Runs that have not reached their final state. */
  readonly #live = new Map<string, LiveRun>();
  readonly #retries: Retries;
  /** What an earlier life left of policies that are not taken up yet, by their numbers. */
  #left: Map<number, LeftOfPolicy> = new Map();
  readonly #endings: Slices;
  #idle: PromiseWithResolvers<void> | undefined;
  #sequence = 0;
  #isStopping = false;

  constructor(options: CoordinatorOptions) {
    this.#aside = new AsideRuns({
      open: (policy) => this.#open(policy, 'ingest', options.clock.now()),
      onBegun: (active) => this.#live.set(active.run.id, active),
      onEnded: (run) => this.#forget(run),
    });
    this.#parts = { ...options, beside: this.#aside };
    this.#endings = new Slices(options.clock, ENDINGS_SLICE_MS);
    this.#places = new Places(options.concurrency, (active) => void this.#conduct(active));
    this.#retries = new Retries(options.clock, (policy, run) => this.#repeatLater(policy, run));
  }

  restore(left: LeftRuns): void {
    this.#sequence = left.lastSequence;
    this.#left = sortLeft(left);
    const undelivered = new Set(left.undelivered.map(({ runId }) => runId));
    for (const run of left.unfinished) {
      this.#parts.events.emit('run:resumed', { run });
      const isDelivering = run.status === 'delivering';
      if (!isDelivering) this.#lose(run);
      if (isDelivering || undelivered.has(run.id)) void this.#resume(run);
    }
  }

  takeUp(policy: RunnablePolicy): boolean {
    const { toRepeat, delivering } = this.#left.get(policy.number) ?? { toRepeat: [], delivering: [] };
    this.#left.delete(policy.number);
    const soonest = this.#parts.clock.now() + REPEAT_AFTER_START_MS;
    let isOwedRunThere = delivering.some((run) => isOwed(run) && run.retryAt === undefined);
    for (const run of [...toRepeat, ...delivering]) {
      if (run.status === 'lost') this.#planRetry(policy, run);
      if (run.retryAt === undefined) continue;
      this.#retries.add(policy, run, Math.max(run.retryAt, soonest));
      if (isOwed(run)) isOwedRunThere = true;
    }
    return isOwedRunThere;
  }

  fire(policy: RunnablePolicy, trigger: RunTrigger, dueAt: number): void {
    if (this.#isStopping) return;
    this.#begin(this.#open(policy, trigger, dueAt), this.#decide(policy, trigger));
  }

  skip(policy: RunnablePolicy, trigger: RunTrigger, dueAt: number, reason: string): void {
    if (this.#isStopping) return;
    this.#open(policy, trigger, dueAt).endBeforeStart('skipped', reason);
  }

  submit(policy: RunnablePolicy): Readonly<Run> {
    if (this.#isStopping) throw new UnavailableError('the daemon is stopping');
    const decision = this.#decide(policy, 'submit');
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
    const ended = [...this.#endAll(this.#runsBeside(policy), reason, graceMs), ...aside];
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
      this.#runsBeside(policy).filter((active) => active.policy === policy);
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
    const cancelled = [...this.#groups.values()].flatMap((runs) =>
      this.#stopAll(allOf(runs), timeoutMs * BACKENDS_SHARE_OF_STOP),
    );
    if (farewell !== undefined || this.#aside.areAny) {
      const backends = Promise.all(cancelled.map((active) => active.whenBackendEnded()));
      await settlesWithin(clock, timeoutMs * BACKENDS_SHARE_OF_STOP, backends);
      const graceMs = timeoutMs * FAREWELL_SHARE_OF_STOP;
      await farewell?.(graceMs);
      this.#aside.close({ status: 'cancelled', reason: STOP_REASON }, graceMs);
    }
    await settlesWithin(clock, deadline - clock.monotonic(), this.#whenIdle());
    const left = await delivery.stop(Math.max(0, deadline - clock.monotonic()));
    await settlesWithin(clock, ABORT_MS, this.#whenIdle());
    return { cancelledRuns: cancelled.length, delivery: left };
  }

  /** The run that a policy is owed does not count as ended: it is run again by the daemon's next life. */
  #stopAll(runs: readonly ActiveRun[], graceMs: number): readonly ActiveRun[] {
    const now = this.#parts.clock.now();
    for (const { run, policy } of runs) {
      if (policy.kind === 'once' && isOwed(run)) run.retryAt = now;
    }
    return this.#endAll(runs, STOP_REASON, graceMs);
  }

  #decide(policy: RunnablePolicy, trigger: RunTrigger): OverlapDecision {
    const { atWork = [], waiting = [] } = this.#groups.get(policy.overlapGroup) ?? {};
    return decideOverlap(policy.overlap, trigger, { atWork: atWork.length, waiting: waiting.length });
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
    const run = openRun(policy, trigger, { sequence, dueAt, retryOf: repeats?.run.id, retries, now });
    return new ActiveRun(run, policy, this.#parts, isAlone);
  }

  #begin(active: ActiveRun, decision: OverlapDecision): void {
    if (decision.kind === 'skip') active.endBeforeStart('skipped', decision.reason);
    else this.#start(active, decision.kind);
  }

  #start(active: ActiveRun, how: 'start' | 'wait'): void {
    this.#live.set(active.run.id, active);
    if (how === 'start') this.#admit(active);
    else this.#groups.get(active.policy.overlapGroup)?.waiting.push(active);
  }

  /** The run begins as soon as there is a place for it. */
  #admit(active: ActiveRun): void {
    const { overlapGroup } = active.policy;
    const runs = this.#groups.get(overlapGroup);
    if (runs) runs.atWork.push(active);
    else this.#groups.set(overlapGroup, { atWork: [active], waiting: [] });
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
    this.#forget(active.run);
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

  /** A run that went down with another's child gets one more at once, in a child of its own. */
  #repeatNow({ policy, run }: ActiveRun): void {
    const repeats = { run, retries: run.retries, isAlone: true };
    this.#start(this.#open(policy, 'retry', run.dueAt, repeats), 'start');
  }

  /** One that the daemon's own stop has cancelled has used up none of its retries. */
  #repeatLater(policy: RunnablePolicy, run: Readonly<Run>): void {
    if (this.#isStopping) return;
    const retries = run.status === 'cancelled' ? run.retries : run.retries + 1;
    const active = this.#open(policy, 'retry', run.dueAt, { run, retries, isAlone: false });
    this.#begin(active, this.#decide(policy, policy.kind === 'once' ? 'once' : 'retry'));
  }

  #planRetry(policy: RunnablePolicy, run: Run): void {
    run.retryAt = retryAtOf(run, policy.retry, this.#parts.clock.now());
    if (run.retryAt !== undefined) this.#parts.events.emit('run:changed', { run });
  }

  /** Nobody can say what became of its backend; what it had yielded by then is delivered all the same. */
  #lose(run: Run): void {
    run.reason = lossOf(run);
    moveTo(run, 'lost', this.#parts.clock.now());
    this.#parts.events.emit('run:finished', { run });
  }

  async #resume(run: Run): Promise<void> {
    const resumed = new ResumedRun(run, this.#parts);
    this.#live.set(run.id, resumed);
    await resumed.end();
    this.#forget(run);
  }

  /** The backend's part is over: the next run of the group, and the next of all that wait, may begin. */
  #makeRoom(active: ActiveRun): void {
    this.#places.leave(active);
    const { overlapGroup } = active.policy;
    const runs = this.#groups.get(overlapGroup);
    if (!runs || !takeOut(active, runs.atWork) || runs.atWork.length > 0) return;
    const next = runs.waiting.shift();
    if (next) this.#admit(next);
    else this.#groups.delete(overlapGroup);
  }

  #runsBeside({ overlapGroup }: RunnablePolicy): readonly ActiveRun[] {
    const runs = this.#groups.get(overlapGroup);
    return runs ? allOf(runs) : [];
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
    const waiting = this.#groups.get(active.policy.overlapGroup)?.waiting;
    if (!waiting || !takeOut(active, waiting)) this.#makeRoom(active);
    this.#forget(active.run);
  }

  #forget({ id }: Readonly<Run>): void {
    this.#live.delete(id);
    if (this.#live.size === 0) this.#idle?.resolve();
  }

  #whenIdle(): Promise<void> {
    if (this.#live.size === 0) return Promise.resolve();
    this.#idle ??= Promise.withResolvers();
    return this.#idle.promise;
  }
}

/** Those that wait come first: whoever ends them in this order lets none of them begin. */
function allOf({ waiting, atWork }: GroupRuns): readonly ActiveRun[] {
  return [...waiting, ...atWork];
}

function takeOut(active: ActiveRun, runs: ActiveRun[]): boolean {
  const index = runs.indexOf(active);
  if (index === -1) return false;
  runs.splice(index, 1);
  return true;
}

/** A run on request, and one that its backend begins itself, is one more than what a policy is owed. */
function isOwed({ trigger }: Readonly<Run>): boolean {
  return trigger !== 'submit' && trigger !== 'ingest';
}
