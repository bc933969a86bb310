import type { ActiveRun } from './active-run.ts';
import type { RunnablePolicy } from './contract.ts';
import { decideOverlap, type OverlapDecision } from './overlap.ts';
import type { RunTrigger } from './run.ts';

interface GroupRuns {
  /** At work, or waiting for a free place. */
  readonly atWork: ActiveRun[];
  /** Wait for those at work. */
  readonly waiting: ActiveRun[];
}

/** Runs whose backend's part is not over, by the groups in which they overlap. */
export class OverlapGroups {
  /** Groups without such runs are not in it. */
  readonly #groups = new Map<object, GroupRuns>();

  decide({ overlapGroup, overlap }: RunnablePolicy, trigger: RunTrigger): OverlapDecision {
    const { atWork = [], waiting = [] } = this.#groups.get(overlapGroup) ?? {};
    return decideOverlap(overlap, trigger, { atWork: atWork.length, waiting: waiting.length });
  }

  /** The run is at work from now on. */
  enter(active: ActiveRun): void {
    const { overlapGroup } = active.policy;
    const runs = this.#groups.get(overlapGroup);
    if (runs) runs.atWork.push(active);
    else this.#groups.set(overlapGroup, { atWork: [active], waiting: [] });
  }

  /** The run waits for those of its group that are at work. */
  wait(active: ActiveRun): void {
    this.#groups.get(active.policy.overlapGroup)?.waiting.push(active);
  }

  /** Returns false when it did not wait. */
  endWait(active: ActiveRun): boolean {
    const waiting = this.#groups.get(active.policy.overlapGroup)?.waiting;
    return waiting !== undefined && takeOut(active, waiting);
  }

  /** The run is not at work any more. Returns the one that is in its stead from now on, if one has waited for that. */
  leave(active: ActiveRun): ActiveRun | undefined {
    const { overlapGroup } = active.policy;
    const runs = this.#groups.get(overlapGroup);
    if (!runs || !takeOut(active, runs.atWork) || runs.atWork.length > 0) return undefined;
    const next = runs.waiting.shift();
    if (next) runs.atWork.push(next);
    else this.#groups.delete(overlapGroup);
    return next;
  }

  /** Those of the policy's group; those that wait come first, as in {@link all}. */
  of({ overlapGroup }: RunnablePolicy): readonly ActiveRun[] {
    const runs = this.#groups.get(overlapGroup);
    return runs ? waitingFirst(runs) : [];
  }

  all(): readonly ActiveRun[] {
    return [...this.#groups.values()].flatMap(waitingFirst);
  }
}

/** Whoever ends them in this order lets none of those that wait begin. */
function waitingFirst({ waiting, atWork }: GroupRuns): readonly ActiveRun[] {
  return [...waiting, ...atWork];
}

function takeOut(active: ActiveRun, runs: ActiveRun[]): boolean {
  const index = runs.indexOf(active);
  if (index === -1) return false;
  runs.splice(index, 1);
  return true;
}
