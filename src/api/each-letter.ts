import type { DeadLetters } from '../delivery/contract.ts';
import type { LetterFilter } from './letter-query.ts';

/** Letters that are dealt with at once: each may be read, up to 3 MiB. */
const AT_ONCE = 16;

/**
 * Does something with every letter that the filter leaves, and resolves with how often that was done. A letter that is
 * sent again and refused once more is a new one, behind all others: no more are looked at than there were at first.
 */
export async function forEachLetter(
  letters: DeadLetters,
  { policy, run: runId }: LetterFilter,
  act: (id: string) => Promise<boolean>,
): Promise<number> {
  let left = letters.count;
  let after: string | undefined;
  let done = 0;
  while (left > 0) {
    const found = await letters.list({ policy, runId, limit: Math.min(AT_ONCE, left), after });
    if (found.length === 0) break;
    const outcomes = await Promise.all(found.map(({ id }) => act(id)));
    done += outcomes.filter(Boolean).length;
    left -= found.length;
    after = found.at(-1)?.id;
  }
  return done;
}
