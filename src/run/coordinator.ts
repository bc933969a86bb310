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
  /** At work, or waiting for a free place; with what gives the place back. */
  readonly atWork: Map<ActiveRun, () => void>;
  /** Waits for those at work. */
  waiting: ActiveRun | undefined;
}

class Coordinator implements RunCoordinator {
  readonly #parts: RunParts;
  readonly #places: Places;
  /** Policies without runs are not in it. */
  readonly #policies = new Map<RunnablePolicy, PolicyRuns>();
  /** Runs that have not reached their final state. */
  readonly #live = new Set<ActiveRun>();
  #sequence = 0;
  #isStopping = false;

  constructor(options: CoordinatorOptions) {
    this.#parts = options;
    this.#places = new Places(options.concurrency);
  }

  fire(policy: RunnablePolicy, trigger: RunTrigger, dueAt: number): void {
    if (this.#isStopping) return;
    const runs = this.#policies.get(policy) ?? { atWork: new Map(), waiting: undefined };
    const active = this.#open(policy, trigger, dueAt, undefined);
    const decision = decideOverlap(policy.overlap, runs.atWork.size, runs.waiting !== undefined);
    if (decision.kind === 'skip') {
      active.endBeforeStart('skipped', decision.reason);
      return;
    }
    this.#policies.set(policy, runs);
    this.#live.add(active);
    if (decision.kind === 'wait') runs.waiting = active;
    else this.#admit(active, runs);
  }

  async cancel(policy: RunnablePolicy, reason: string, graceMs: number): Promise<void> {
    const ended = this.#endRunsOf(policy, reason, graceMs);
    await Promise.all(ended.map((active) => active.backendEnded));
  }

  async stop(timeoutMs: number): Promise<StopReport> {
    this.#isStopping = true;
    const graceMs = timeoutMs * BACKENDS_SHARE_OF_STOP;
    const cancelled = [...this.#policies.keys()].flatMap((policy) =>
      this.#endRunsOf(policy, STOP_REASON, graceMs),
    );
    await this.#finishWithin(timeoutMs);
    const lost = [...this.#live].map((active) => active.undelivered);
    for (const active of this.#live) active.abortDelivery(STOP_REASON);
    await this.#finishWithin(ABORT_MS);
    return {
      cancelledRuns: cancelled.length,
      lostBatches: lost.reduce((sum, { batches }) => sum + batches, 0),
      lostEntities: lost.reduce((sum, { entities }) => sum + entities, 0),
    };
  }

  #finishWithin(timeoutMs: number): Promise<boolean> {
    const finished = Promise.all([...this.#live].map((active) => active.finished));
    return settlesWithin(this.#parts.clock, timeoutMs, finished);
  }

  /** Ends what has not begun at once, signals what has; returns what is being ended. */
  #endRunsOf(policy: RunnablePolicy, reason: string, graceMs: number): ActiveRun[] {
    const runs = this.#policies.get(policy);
    if (!runs) return [];
    const ended = [...runs.atWork.keys()];
    if (runs.waiting) ended.push(runs.waiting);
    runs.waiting = undefined;
    for (const active of ended) {
      active.endEarly({ status: 'cancelled', reason }, graceMs);
      if (!isFinal(active.run.status)) continue;
      this.#live.delete(active);
      this.#makeRoom(active, runs);
    }
    return ended;
  }

  #open(policy: RunnablePolicy, trigger: RunTrigger, dueAt: number, retryOf: string | undefined): ActiveRun {
    const run = openRun(policy, trigger, {
      sequence: ++this.#sequence,
      dueAt,
      retryOf,
      now: this.#parts.clock.now(),
    });
    return new ActiveRun(run, policy, this.#parts);
  }

  /** The run begins as soon as there is a place for it. */
  #admit(active: ActiveRun, runs: PolicyRuns): void {
    const leave = this.#places.take(() => void this.#conduct(active, runs));
    runs.atWork.set(active, leave);
  }

  async #conduct(active: ActiveRun, runs: PolicyRuns): Promise<void> {
    const outcome = await active.execute(isAlone(active.run));
    if (this.#deservesRetry(active, outcome)) this.#retry(active, runs);
    this.#makeRoom(active, runs);
    await active.deliver(outcome);
    this.#live.delete(active);
  }

  /** A run that went down with another's child gets one more, in a child of its own. */
  #deservesRetry(active: ActiveRun, outcome: ExecutionOutcome): boolean {
    const wasInnocent = outcome.kind === 'crashed' && outcome.innocent;
    return wasInnocent && !isAlone(active.run) && !active.isEndedEarly && !this.#isStopping;
  }

  #retry(active: ActiveRun, runs: PolicyRuns): void {
    const { id, dueAt } = active.run;
    const retry = this.#open(active.policy, 'retry', dueAt, id);
    this.#live.add(retry);
    this.#admit(retry, runs);
  }

  /** The backend's part is over: the next run of the policy, and the next of all that wait, may begin. */
  #makeRoom(active: ActiveRun, runs: PolicyRuns): void {
    runs.atWork.get(active)?.();
    runs.atWork.delete(active);
    if (runs.atWork.size > 0) return;
    const next = runs.waiting;
    runs.waiting = undefined;
    if (next) this.#admit(next, runs);
    else this.#policies.delete(active.policy);
  }
}

/** A run that another's crash took along shares its child with nobody the second time. */
function isAlone(run: Readonly<Run>): boolean {
  return run.trigger === 'retry';
}
