import type { Overlap } from './contract.ts';

/** What happens to a due run: it starts, waits for the one before it, or is skipped with a reason. */
type OverlapDecision =
  | { readonly kind: 'start' }
  | { readonly kind: 'wait' }
  | { readonly kind: 'skip'; readonly reason: string };

/**
 * Decides what happens to a due run of a policy. A run that only delivers is not at work any more.
 *
 * @param atWork runs of the policy whose backend is at work, or which wait for a free place.
 * @param isOneWaiting whether a run of the policy waits for those.
 */
export function decideOverlap(overlap: Overlap, atWork: number, isOneWaiting: boolean): OverlapDecision {
  if (atWork === 0 || overlap === 'allow') return { kind: 'start' };
  if (overlap === 'queue_one' && !isOneWaiting) return { kind: 'wait' };
  // Upstream's words (sheet: Log).
  const reason =
    overlap === 'skip'
      ? `maximum number of running instances reached (${atWork})`
      : 'one run is at work and another waits already';
  return { kind: 'skip', reason };
}
