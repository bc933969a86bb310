import type { Ingest, RunRequest } from '../backend/host.ts';
import { ConflictError, messageOf, UnavailableError } from '../errors.ts';
import type { ActiveRun } from './active-run.ts';
import type { BesideSchedule, RunnablePolicy } from './contract.ts';
import type { Conclusion, Run } from './run.ts';

export interface AsideOptions {
  /** A new run of this policy. */
  readonly open: (policy: RunnablePolicy) => ActiveRun;
  /** It has begun. */
  readonly onBegun: (active: ActiveRun) => void;
  /** Nothing more will become of it in this life of the daemon. */
  readonly onEnded: (run: Readonly<Run>) => void;
}

/**
 * Runs that backends begin themselves: for entities outside of the schedule, and for failures that no run stands for.
 * Neither overlap nor concurrency concerns them.
 */
export class AsideRuns implements BesideSchedule {
  readonly #options: AsideOptions;
  /** Those that their backends have not handed over yet, by overlap group; groups without any are not in it. */
  readonly #underWay = new Map<object, Set<ActiveRun>>();
  #isClosed = false;

  constructor(options: AsideOptions) {
    this.#options = options;
  }

  ingest(policy: RunnablePolicy, begin: (request: RunRequest) => Ingest): void {
    if (policy.isDeleted) throw new ConflictError('the policy was deleted: it takes no more entities');
    if (this.#isClosed) throw new UnavailableError('the daemon is stopping: it takes no more entities');
    const active = this.#options.open(policy);
    const ingest = active.beginIn(begin);
    this.#options.onBegun(active);
    void this.#conduct(active, ingest);
  }

  recordFailure(policy: RunnablePolicy, reason: string): void {
    if (policy.isDeleted || this.#isClosed) return;
    this.#options.open(policy).endBeforeStart('failed', reason);
  }

  /** Ends those of the policy's overlap group that are not handed over yet; returns them. */
  cancelOf({ overlapGroup }: RunnablePolicy, conclusion: Conclusion, graceMs: number): readonly ActiveRun[] {
    const runs = [...(this.#underWay.get(overlapGroup) ?? [])];
    for (const active of runs) active.endEarly(conclusion, graceMs);
    return runs;
  }

  /** Whether there are any that are not handed over yet. */
  get areAny(): boolean {
    return this.#underWay.size > 0;
  }

  /** Takes no more, and ends those that are not handed over yet. */
  close(conclusion: Conclusion, graceMs: number): void {
    this.#isClosed = true;
    for (const runs of this.#underWay.values())
      for (const active of runs) active.endEarly(conclusion, graceMs);
  }

  async #conduct(active: ActiveRun, ingest: Ingest): Promise<void> {
    this.#add(active);
    const outcome = await ingest.outcome;
    active.endBackend(outcome);
    this.#remove(active);
    if (outcome.kind === 'returned') void answerWhenKept(active, ingest);
    else if (outcome.kind === 'cancelled') ingest.answer(active.run.verdict?.reason ?? 'cancelled');
    const delivered = await active.finishDelivery();
    if (!delivered.isLeft) active.conclude(delivered);
    this.#options.onEnded(active.run);
  }

  #add(active: ActiveRun): void {
    const { overlapGroup } = active.policy;
    const runs = this.#underWay.get(overlapGroup) ?? new Set();
    this.#underWay.set(overlapGroup, runs.add(active));
  }

  #remove(active: ActiveRun): void {
    const { overlapGroup } = active.policy;
    const runs = this.#underWay.get(overlapGroup);
    runs?.delete(active);
    if (runs?.size === 0) this.#underWay.delete(overlapGroup);
  }
}

async function answerWhenKept(active: ActiveRun, ingest: Ingest): Promise<void> {
  try {
    await active.whenKept();
    ingest.answer(undefined);
  } catch (error) {
    ingest.answer(messageOf(error));
  }
}
