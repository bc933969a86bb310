import type { ExecutionOutcome } from '../backend/host.ts';
import type { DeliveryOutcome } from '../delivery/contract.ts';
import type { Conclusion } from './run.ts';

/** Who wanted the run to end before its time. */
export interface Interference {
  /** While its backend was at work. */
  readonly endedEarly: Conclusion | undefined;
  /** While it only waited to be delivered. */
  readonly gaveUp: Conclusion | undefined;
}

/**
 * What a run comes to. Whoever ended it early has the first word, unless its backend was done by then; then the
 * backend's own fault, then the delivery's.
 */
export function conclude(
  { endedEarly, gaveUp }: Interference,
  outcome: ExecutionOutcome,
  delivered: Pick<DeliveryOutcome, 'acknowledged' | 'failure'>,
): Conclusion {
  switch (outcome.kind) {
    case 'returned':
      if (delivered.failure === undefined) return { status: 'completed', reason: '' };
      return gaveUp ?? { status: 'failed', reason: delivered.failure };
    case 'failed':
    case 'crashed':
      return endedEarly ?? { status: 'failed', reason: outcome.reason };
    case 'cancelled':
      return endedEarly ?? { status: 'cancelled', reason: 'cancelled' };
  }
}
