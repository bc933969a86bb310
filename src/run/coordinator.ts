import type { ExecutionOutcome } from '../backend/host.ts';
import { settlesWithin } from '../clock.ts';
import { ActiveRun, type RunParts } from './active-run.ts';
import type { RunCoordinator, RunnablePolicy, StopReport } from './contract.ts';
import { openRun } from './open-run.ts';
import { decideOverlap } from './overlap.ts';
import { Places } from './places.ts';
import { isFinal, type Run, type RunTrigger } from './run.ts';

interface CoordinatorOptions extends RunParts {
  /** Backends at work at once; Infinity: no limit. */
  readonly concurrency: number;
}

/** Of the time to stop: what a backend gets to stop by itself. What remains is for what it has yielded. */
const BACKENDS_SHARE_OF_STOP = 0.6;
/** A delivery that was given up needs no time but a few turns of the event loop. */
const ABORT_MS = 100;
const STOP_REASON = 'the daemon was stopped';

/** Decides whether due runs start, and takes each through its states (design: A run's life). */
export function createRunCoordinator(options: CoordinatorOptions): RunCoordinator {
  return new Coordinator(options);
}

/** A policy's runs whose backend's part is not over. */
interface PolicyRuns {
  /** At work, or waiting for a free place. */
  readonly atWork: ActiveRun[];
  /** Waits for those at work. */
  waiting: ActiveRun | undefined;
}

class Coordinator implements RunCoordinator {
  readonly #parts: RunParts;
  readonly #places: Places<ActiveRun>;
  /** Policies without such runs are not in it. */
  readonly #policies = new Map<RunnablePolicy, PolicyRuns>();
  /** Runs that have not reached their final state. */
  readonly #live = new Set<ActiveRun>();
  #idle: PromiseWithResolvers<void> | undefined;
  #sequence = 0;
  #isStopping = false;

  constructor(options: CoordinatorOptions) {
    this.#parts = options;
    this.#places = new Places(options.concurrency, (active) => void this.#conduct(active));
  }

  fire(policy: RunnablePolicy, trigger: RunTrigger, dueAt: number): void {
    if (this.#isStopping) return;
    const runs = this.#policies.get(policy);
    const active = this.#open(policy, trigger, dueAt, undefined);
    const decision = decideOverlap(policy.overlap, runs?.atWork.length ?? 0, runs?.waiting !== undefined);
    if (decision.kind === 'skip') {
      active.endBeforeStart('skipped', decision.reason);
      return;
    }
    this.#live.add(active);
    if (runs && decision.kind === 'wait') runs.waiting = active;
    else this.#admit(active);
  }

  async cancel(policy: RunnablePolicy, reason: string, graceMs: number): Promise<void> {
    const ended = this.#endRunsOf(policy, reason, graceMs);
    await Promise.all(ended.map((active) => active.whenBackendEnded()));
  }

  async stop(timeoutMs: number): Promise<StopReport> {
    this.#isStopping = true;
    const graceMs = timeoutMs * BACKENDS_SHARE_OF_STOP;
    const cancelled = [...this.#policies.keys()].flatMap((policy) =>
      this.#endRunsOf(policy, STOP_REASON, graceMs),
    );
    await settlesWithin(this.#parts.clock, timeoutMs, this.#whenIdle());
    const lost = [...this.#live].map((active) => active.undelivered);
    for (const active of this.#live) active.abortDelivery(STOP_REASON);
    await settlesWithin(this.#parts.clock, ABORT_MS, this.#whenIdle());
    return {
      cancelledRuns: cancelled.length,
      lostBatches: lost.reduce((sum, { batches }) => sum + batches, 0),
      lostEntities: lost.reduce((sum, { entities }) => sum + entities, 0),
    };
  }

  #open(policy: RunnablePolicy, trigger: RunTrigger, dueAt: number, retryOf: string | undefined): ActiveRun {
    const now = this.#parts.clock.now();
    const run = openRun(policy, trigger, { sequence: ++this.#sequence, dueAt, retryOf, now });
    return new ActiveRun(run, policy, this.#parts);
  }

  /** The run begins as soon as there is a place for it. */
  #admit(active: ActiveRun): void {
    const runs = this.#policies.get(active.policy);
    if (runs) runs.atWork.push(active);
    else this.#policies.set(active.policy, { atWork: [active], waiting: undefined });
    this.#places.take(active);
  }

  async #conduct(active: ActiveRun): Promise<void> {
    const outcome = await active.begin(isAlone(active.run));
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
    const retry = this.#open(policy, 'retry', run.dueAt, run.id);
    this.#live.add(retry);
    this.#admit(retry);
  }

  /** The backend's part is over: the next run of the policy, and the next of all that wait, may begin. */
  #makeRoom(active: ActiveRun): void {
    this.#places.leave(active);
    const runs = this.#policies.get(active.policy);
    const index = runs?.atWork.indexOf(active) ?? -1;
    if (!runs || index === -1) return;
    runs.atWork.splice(index, 1);
    if (runs.atWork.length > 0) return;
    this.#policies.delete(active.policy);
    if (runs.waiting) this.#admit(runs.waiting);
  }

  /** Ends what has not begun at once, signals what has; returns what is being ended. */
  #endRunsOf(policy: RunnablePolicy, reason: string, graceMs: number): readonly ActiveRun[] {
    const runs = this.#policies.get(policy);
    if (!runs) return [];
    const { waiting } = runs;
    const atWork = [...runs.atWork];
    runs.waiting = undefined;
    for (const active of waiting ? [waiting, ...atWork] : atWork) {
      active.endEarly({ status: 'cancelled', reason }, graceMs);
      if (!isFinal(active.run.status)) continue;
      if (active !== waiting) this.#makeRoom(active);
      this.#forget(active);
    }
    return waiting ? [...atWork, waiting] : atWork;
  }

  #forget(active: ActiveRun): void {
    this.#live.delete(active);
    if (this.#live.size === 0) this.#idle?.resolve();
  }

  #whenIdle(): Promise<void> {
    if (this.#live.size === 0) return Promise.resolve();
    this.#idle ??= Promise.withResolvers();
    return this.#idle.promise;
  }
}

/** A run that another's crash took along shares its child with nobody the second time. */
function isAlone(run: Readonly<Run>): boolean {
  return run.trigger === 'retry';
}
