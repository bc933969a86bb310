import type { LeftRuns } from './contract.ts';
import type { Run } from './run.ts';

/** What an earlier life left of one policy. */
export interface LeftOfPolicy {
  /** Lost, or to be run again since then; not repeated yet. */
  readonly toRepeat: Run[];
  /** Being delivered; not repeated yet. */
  readonly delivering: Run[];
}

/** All of it once, oldest first; a run that goes on as the object that it goes on as. */
export function everyLeft({ unfinished, latest }: LeftRuns): readonly Readonly<Run>[] {
  const byId = new Map<string, Readonly<Run>>();
  for (const run of [...latest, ...unfinished]) byId.set(run.id, run);
  return [...byId.values()].sort((one, other) => one.sequence - other.sequence);
}

/** Sorts what an earlier life left, by the number of its policy. */
export function sortLeft({ unfinished, latest }: LeftRuns): Map<number, LeftOfPolicy> {
  const byPolicy = new Map<number, LeftOfPolicy>();
  const of = ({ policyNumber }: Readonly<Run>): LeftOfPolicy => {
    const known = byPolicy.get(policyNumber) ?? { toRepeat: [], delivering: [] };
    byPolicy.set(policyNumber, known);
    return known;
  };
  const repeated = new Set([...latest, ...unfinished].map(({ retryOf }) => retryOf));
  for (const run of unfinished.filter(({ id }) => !repeated.has(id))) {
    if (run.status === 'delivering') of(run).delivering.push(run);
    else of(run).toRepeat.push(run);
  }
  const known = new Set(unfinished.map(({ id }) => id));
  for (const run of latest) {
    // A daemon that died again soon had no time to say of those that it lost when they are run again.
    const isToRepeat = run.retryAt !== undefined || run.status === 'lost';
    if (isToRepeat && !repeated.has(run.id) && !known.has(run.id)) of(run).toRepeat.push(run);
  }
  return byPolicy;
}

/** Why a run is lost, for the engineer who wonders. */
export function lossOf({ status, updatedAt }: Readonly<Run>): string {
  const what = status === 'pending' ? 'waited to begin' : 'was at work';
  return `the daemon ended without ending this run, which ${what} when it was last noted at ${new Date(updatedAt).toISOString()}`;
}
