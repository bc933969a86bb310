import { isOwed, type Run } from './run.ts';
import { STOP_REASON } from './stop-reason.ts';

/** Whether its policy has had its run with it: it came to an end by itself or because somebody ended it. */
export function hasCome(run: Readonly<Run>): boolean {
  const { status, retryAt, reason } = run;
  if (!isOwed(run) || retryAt !== undefined || reason === STOP_REASON) return false;
  return status === 'completed' || status === 'failed' || status === 'cancelled';
}
