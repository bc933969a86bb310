import type { ExecutionOutcome } from '../backend/host.ts';
import { settlesWithin } from '../clock.ts';
import { ConflictError, UnavailableError } from '../errors.ts';
import { ActiveRun, type RunParts } from './active-run.ts';
import type { RunCoordinator, RunnablePolicy, StopReport } from './contract.ts';
import { openRun } from './open-run.ts';
import { decideOverlap, type OverlapDecision } from './overlap.ts';
import { Places } from './places.ts';
import { isFinal, type Run, type RunTrigger } from './run.ts';
import { Slices } from './slices.ts';

interface CoordinatorOptions extends RunParts {
  /** Backends at work at once; Infinity: no limit. */
  readonly concurrency: number;
}

/** Of the time to stop: what a backend gets to stop by itself. What remains is for what it has yielded. */
const BACKENDS_SHARE_OF_STOP = 0.6;
/** A delivery that was given up needs no time but a few turns of the event loop. */
const ABORT_MS = 100;
/** How long the event loop may be kept by runs that end together: shorter than what is due gets, which comes first. */
const ENDINGS_SLICE_MS = 2;
const STOP_REASON = 'the daemon was stopped';

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
  readonly #parts: RunParts;
  readonly #places: Places<ActiveRun>;
  /** Groups without such runs are not in it. */
  readonly #groups = new Map<object, GroupRuns>();
  /** Runs that have not reached their final state. */
  readonly #live = new Map<string, ActiveRun>();
  readonly #endings: Slices;
  #idle: PromiseWithResolvers<void> | undefined;
  #sequence = 0;
  #isStopping = false;

  constructor(options: CoordinatorOptions) {
    this.#parts = options;
    this.#endings = new Slices(options.clock, ENDINGS_SLICE_MS);
    this.#places = new Places(options.concurrency, (active) => void this.#conduct(active));
  }

  fire(policy: RunnablePolicy, trigger: RunTrigger, dueAt: number): void {
    if (this.#isStopping) return;
    const decision = this.#decide(policy, trigger);
    const active = this.#open(policy, trigger, dueAt, undefined);
    if (decision.kind === 'skip') active.endBeforeStart('skipped', decision.reason);
    else this.#start(active, decision.kind);
  }

  submit(policy: RunnablePolicy): Readonly<Run> {
    if (this.#isStopping) throw new UnavailableError('the daemon is stopping');
    const decision = this.#decide(policy, 'submit');
    if (decision.kind === 'skip') {
      throw new ConflictError(`policy '${policy.name}' cannot be run now: ${decision.reason}`);
    }
    const active = this.#open(policy, 'submit', this.#parts.clock.now(), undefined);
    this.#start(active, decision.kind);
    return active.run;
  }

  async cancel(policy: RunnablePolicy, reason: string, graceMs: number): Promise<void> {
    const ended = this.#endAll(this.#runsBeside(policy), reason, graceMs);
    await Promise.all(ended.map((active) => active.whenBackendEnded()));
  }

  cancelRun(id: string, reason: string): Readonly<Run> | undefined {
    const active = this.#live.get(id);
    active?.cancel(reason);
    if (active) this.#sweep(active);
    return active?.run;
  }

  async retire(policy: RunnablePolicy, reason: string): Promise<void> {
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

  async stop(timeoutMs: number): Promise<StopReport> {
    this.#isStopping = true;
    const graceMs = timeoutMs * BACKENDS_SHARE_OF_STOP;
    const cancelled = [...this.#groups.values()].flatMap((runs) =>
      this.#endAll(allOf(runs), STOP_REASON, graceMs),
    );
    await settlesWithin(this.#parts.clock, timeoutMs, this.#whenIdle());
    const lost = Array.from(this.#live.values(), (active) => active.undelivered);
    for (const active of this.#live.values()) active.abortDelivery(STOP_REASON);
    await settlesWithin(this.#parts.clock, ABORT_MS, this.#whenIdle());
    return {
      cancelledRuns: cancelled.length,
      lostBatches: lost.reduce((sum, { batches }) => sum + batches, 0),
      lostEntities: lost.reduce((sum, { entities }) => sum + entities, 0),
    };
  }

  #decide(policy: RunnablePolicy, trigger: RunTrigger): OverlapDecision {
    const { atWork = [], waiting = [] } = this.#groups.get(policy.overlapGroup) ?? {};
    return decideOverlap(policy.overlap, trigger, { atWork: atWork.length, waiting: waiting.length });
  }

  #open(policy: RunnablePolicy, trigger: RunTrigger, dueAt: number, retryOf: string | undefined): ActiveRun {
    const now = this.#parts.clock.now();
    const run = openRun(policy, trigger, { sequence: ++this.#sequence, dueAt, retryOf, retries: 0, now });
    return new ActiveRun(run, policy, this.#parts);
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
    const outcome = await active.begin(isAlone(active.run));
    const turn = this.#endings.turn();
    if (turn) await turn;
    active.endBackend();
    if (this.#deservesRetry(active, outcome)) this.#retry(active);
    this.#makeRoom(active);
    active.conclude(outcome, await active.finishDelivery());
    this.#forget(active);
  }

  /** A run that went down with another's child gets one more, in a child of its own. */
  #deservesRetry(active: ActiveRun, outcome: ExecutionOutcome): boolean {
    const wasInnocent = outcome.kind === 'crashed' && outcome.innocent;
    return wasInnocent && !isAlone(active.run) && !active.isEndedEarly && !this.#isStopping;
  }

  #retry({ policy, run }: ActiveRun): void {
    this.#start(this.#open(policy, 'retry', run.dueAt, run.id), 'start');
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
    this.#forget(active);
  }

  #forget(active: ActiveRun): void {
    this.#live.delete(active.run.id);
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

/** A run that another's crash took along shares its child with nobody the second time. */
function isAlone(run: Readonly<Run>): boolean {
  return run.trigger === 'retry';
}
