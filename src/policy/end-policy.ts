import { type Clock, settlesWithin } from '../clock.ts';
import type { RunCoordinator } from '../run/contract.ts';
import type { AppliedPolicy } from './applied-policy.ts';

interface EndingParts {
  readonly clock: Clock;
  readonly coordinator: RunCoordinator;
}

/** A DELETE answers within a second (sheet: REST): half of it for the backend to stop by itself. */
const CANCEL_GRACE_MS = 500;
const CANCEL_LIMIT_MS = 900;
/** What the backend gets after that to tear the policy down. */
const TEARDOWN_GRACE_MS = 300;

const REPLACED = 'the policy was replaced';

/** Ends a policy that was deleted. Resolves within a second, its runs cancelled. */
export async function endDeleted(policy: AppliedPolicy, { clock, coordinator }: EndingParts): Promise<void> {
  policy.isDeleted = true;
  policy.trigger.stop();
  const cancelled = coordinator.cancel(policy, 'the policy was deleted', CANCEL_GRACE_MS);
  await settlesWithin(clock, CANCEL_LIMIT_MS, releaseAfter(cancelled, policy));
}

/**
 * Ends a policy whose place another has taken: it does nothing more, but for its runs under way. Resolves at once, or
 * within a second where these are cancelled.
 */
export async function endReplaced(
  replaced: AppliedPolicy,
  successor: AppliedPolicy,
  { clock, coordinator }: EndingParts,
  cancelRuns: boolean,
): Promise<void> {
  const dueAt = replaced.trigger.next();
  replaced.trigger.stop();
  if (cancelRuns) void coordinator.cancel(replaced, REPLACED, CANCEL_GRACE_MS);
  const over = releaseAfter(coordinator.retire(replaced, REPLACED), replaced);
  // A moment that has come and was not fired yet is not lost.
  const isOverdue = replaced.kind === 'cron' && dueAt !== undefined && dueAt <= clock.now();
  if (isOverdue && successor.kind === 'cron') coordinator.fire(successor, 'cron', dueAt);
  if (cancelRuns) await settlesWithin(clock, CANCEL_LIMIT_MS, over);
}

async function releaseAfter(runsEnded: Promise<void>, policy: AppliedPolicy): Promise<void> {
  await runsEnded;
  await policy.tearDown(TEARDOWN_GRACE_MS);
  policy.release();
}
