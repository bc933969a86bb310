import type { ExecutionOutcome } from '../backend/host.ts';
import type { DeliveryOutcome } from '../delivery/contract.ts';
import type { Conclusion } from './run.ts';

/**
 * What a run comes to if all that it yielded is delivered. Whoever ended it early has the first word, unless its
 * backend was done by then; then the backend's own fault.
 */
export function verdictOf(endedEarly: Conclusion | undefined, outcome: ExecutionOutcome): Conclusion {
  switch (outcome.kind) {
    case 'returned':
      return { status: 'completed', reason: '' };
    case 'failed':
    case 'crashed':
      return endedEarly ?? { status: 'failed', reason: outcome.reason };
    case 'cancelled':
      return endedEarly ?? { status: 'cancelled', reason: 'cancelled' };
  }
}

/**
 * What a run comes to: its verdict, then the delivery's fault.
 * @param gaveUp who wanted it to end while it only waited to be delivered.
 */
export function conclude(
  verdict: Conclusion,
  gaveUp: Conclusion | undefined,
  { failure }: Pick<DeliveryOutcome, 'failure'>,
): Conclusion {
  if (verdict.status !== 'completed' || failure === undefined) return verdict;
  return gaveUp ?? { status: 'failed', reason: failure };
}
