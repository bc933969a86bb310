import type { Run, RunStatus } from '../run/run.ts';

/** How many runs of a policy upstream keeps. */
export const RUNS_SHOWN = 5;

/** Upstream's words for the state of a run. */
type ShownRunStatus = 'running' | 'completed' | 'failed';

const shown: Record<RunStatus, ShownRunStatus> = {
  pending: 'running',
  running: 'running',
  delivering: 'running',
  completed: 'completed',
  failed: 'failed',
  cancelled: 'failed',
  lost: 'failed',
  skipped: 'failed',
};

/** A run's state in upstream's words (design: a run's life); skipped runs are not shown at all. */
export function shownStatus(run: Readonly<Run>): ShownRunStatus {
  return shown[run.status];
}

/**
 * A policy's state: `running` if any of its latest runs is at work, else what became of the newest.
 * @param latest newest first, without those that were skipped
 */
export function shownPolicyStatus(latest: readonly Readonly<Run>[]): ShownRunStatus | 'unknown' {
  const [newest] = latest;
  if (newest === undefined) return 'unknown';
  return latest.some((run) => shown[run.status] === 'running') ? 'running' : shown[newest.status];
}
