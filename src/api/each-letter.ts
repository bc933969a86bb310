import type { DeadLetters } from '../delivery/contract.ts';
import type { LetterFilter } from './letter-query.ts';

const PAGE = 1_000;
/** Letters that are dealt with at once: each may be read, up to 3 MiB. */
const AT_ONCE = 16;

/**
 * Does something with every letter that the filter leaves, and resolves with how often that was done. Letters that come
 * meanwhile are left alone: what is sent again and refused once more is a new one.
 */
export async function forEachLetter(
  letters: DeadLetters,
  filter: LetterFilter,
  act: (id: string) => Promise<boolean>,
): Promise<number> {
  const ids = await idsOf(letters, filter);
  let done = 0;
  for (let next = 0; next < ids.length; next += AT_ONCE) {
    const outcomes = await Promise.all(ids.slice(next, next + AT_ONCE).map(act));
    done += outcomes.filter(Boolean).length;
  }
  return done;
}

async function idsOf(letters: DeadLetters, { policy, run: runId }: LetterFilter): Promise<string[]> {
  const ids: string[] = [];
  let found: number;
  do {
    const page = await letters.list({ policy, runId, limit: PAGE, after: ids.at(-1) });
    for (const { id } of page) ids.push(id);
    found = page.length;
  } while (found === PAGE);
  return ids;
}
