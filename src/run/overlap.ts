import type { Overlap } from './contract.ts';
import type { RunTrigger } from './run.ts';

/** What happens to a due run: it starts, waits for the one before it, or is skipped with a reason. */
export type OverlapDecision =
  | { readonly kind: 'start' }
  | { readonly kind: 'wait' }
  | { readonly kind: 'skip'; readonly reason: string };

/** Runs of a policy, and of those that it took the place of. */
interface Others {
  /** Those whose backend is at work, or which wait for a free place. One that only delivers is not at work any more. */
  readonly atWork: number;
  /** Those that wait for them. */
  readonly waiting: number;
}

/**
 * Decides what happens to a due run of a policy.
 *
 * @param trigger the only run of a policy without a schedule is never skipped: there would be no other.
 */
export function decideOverlap(
  overlap: Overlap,
  trigger: RunTrigger,
  { atWork, waiting }: Others,
): OverlapDecision {
  if (atWork === 0 || overlap === 'allow') return { kind: 'start' };
  if (trigger === 'once' || (overlap === 'queue_one' && waiting === 0)) return { kind: 'wait' };
  // Upstream's words (sheet: Log).
  const reason =
    overlap === 'skip'
      ? `maximum number of running instances reached (${atWork})`
      : 'one run is at work and another waits already';
  return { kind: 'skip', reason };
}
