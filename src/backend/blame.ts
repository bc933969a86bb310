import type { RunExecution } from './execution.ts';

/** Whose fault the end of a child is: a run's, nobody knows whose, or that of none of its runs. */
export type Culprit = RunExecution | 'unknown' | 'outsider';

const BY_ANOTHER = 'its process ended because of another run';

/**
 * Gives each run of a child that is gone its outcome.
 *
 * @param how how the process ended.
 * @param killedFor why the daemon ended it, if it did.
 */
export function settleAfterDeath(
  runs: readonly RunExecution[],
  culprit: Culprit,
  how: string,
  killedFor: string | undefined,
): void {
  const guilty = culprit === 'unknown' ? onlySuspect(runs) : culprit;
  const reason = killedFor ?? how;
  // What another run threw may hold what only its own policy may show: the others are not told.
  const ofAnother = killedFor === undefined ? `${BY_ANOTHER}: ${how}` : BY_ANOTHER;
  for (const run of runs) {
    if (run.isCancelled) run.settle({ kind: 'cancelled', cutOff: true });
    else if (run === guilty) run.settle({ kind: 'crashed', reason, innocent: false });
    else if (typeof guilty === 'object') run.settle({ kind: 'crashed', reason: ofAnother, innocent: true });
    else run.settle({ kind: 'crashed', reason, innocent: true });
  }
}

/** Without better knowledge, the only run that was under way. */
function onlySuspect(runs: readonly RunExecution[]): RunExecution | undefined {
  const entered = runs.filter((run) => run.hasEntered);
  const suspects = entered.length > 0 ? entered : runs;
  return suspects.length === 1 ? suspects[0] : undefined;
}
