import type { LeftRuns, RunnablePolicy } from './contract.ts';
import { type LeftOfPolicy, lossOf, sortLeft } from './left-runs.ts';
import type { LiveRuns } from './live-runs.ts';
import { ResumedRun } from './resumed-run.ts';
import { type Retries, retryAtOf } from './retries.ts';
import { isOwed, moveTo, type Run } from './run.ts';
import type { RunParts } from './run-parts.ts';

interface InheritanceParts {
  readonly runs: RunParts;
  readonly live: LiveRuns;
  readonly retries: Retries;
}

/** A run of an earlier life is run again no sooner than this: a daemon that starts has other things to do. */
const REPEAT_AFTER_START_MS = 1_000;

/** Goes on with the runs of an earlier life of the daemon: those that are to be delivered, and those to be run again. */
export class InheritedRuns {
  readonly #parts: RunParts;
  readonly #live: LiveRuns;
  readonly #retries: Retries;
  /** Of policies that are not taken up yet, by their numbers. */
  #left: Map<number, LeftOfPolicy> = new Map();

  constructor({ runs, live, retries }: InheritanceParts) {
    this.#parts = runs;
    this.#live = live;
    this.#retries = retries;
  }

  /** As the coordinator's: runs whose backend was at work are lost, those that were being delivered go on. */
  restore(left: LeftRuns): void {
    this.#left = sortLeft(left);
    const undelivered = new Set(left.undelivered.map(({ runId }) => runId));
    for (const run of left.unfinished) {
      this.#parts.events.emit('run:resumed', { run });
      const isDelivering = run.status === 'delivering';
      if (!isDelivering) this.#lose(run);
      if (isDelivering || undelivered.has(run.id)) void this.#resume(run);
    }
  }

  /** As the coordinator's: the policy's runs that are to be run again will be. Returns whether the one that it is owed is there. */
  takeUp(policy: RunnablePolicy): boolean {
    const { toRepeat, delivering } = this.#left.get(policy.number) ?? { toRepeat: [], delivering: [] };
    this.#left.delete(policy.number);
    const soonest = this.#soonest;
    let isOwedRunThere = delivering.some((run) => isOwed(run) && run.retryAt === undefined);
    for (const run of [...toRepeat, ...delivering]) {
      if (run.status === 'lost' && run.retryAt === undefined) this.#planRetry(policy, run);
      if (run.retryAt === undefined) continue;
      this.#bringForward(policy, run, run.retryAt);
      this.#retries.add(policy, run, Math.max(run.retryAt, soonest));
      if (isOwed(run)) isOwedRunThere = true;
    }
    return isOwedRunThere;
  }

  /** Nobody can say what became of its backend; what it had yielded by then is delivered all the same. */
  #lose(run: Run): void {
    run.reason = lossOf(run);
    moveTo(run, 'lost', this.#parts.clock.now());
    this.#parts.events.emit('run:finished', { run });
  }

  get #soonest(): number {
    return this.#parts.clock.now() + REPEAT_AFTER_START_MS;
  }

  /** The clock may have been set back since: nothing waits longer than it would if it was to wait from now on. */
  #bringForward(policy: RunnablePolicy, run: Run, retryAt: number): void {
    const fromNow =
      run.status === 'cancelled' ? undefined : retryAtOf(run, policy.retry, this.#parts.clock.now());
    const latest = Math.max(fromNow ?? 0, this.#soonest);
    if (retryAt <= latest) return;
    run.retryAt = latest;
    this.#parts.events.emit('run:changed', { run });
  }

  #planRetry(policy: RunnablePolicy, run: Run): void {
    run.retryAt = retryAtOf(run, policy.retry, this.#parts.clock.now());
    if (run.retryAt !== undefined) this.#parts.events.emit('run:changed', { run });
  }

  async #resume(run: Run): Promise<void> {
    const resumed = new ResumedRun(run, this.#parts);
    this.#live.add(resumed);
    await resumed.end();
    this.#live.forget(run);
  }
}
