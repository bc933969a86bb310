import { isWrittenAlike } from './kept-document.ts';
import type { KeptPolicies } from './kept-policies.ts';
import type { KnownPolicies } from './known-policies.ts';
import type { FoundPolicy } from './policy-store.ts';
import type { Reservations } from './reservations.ts';

interface LostParts {
  readonly policies: KnownPolicies;
  readonly kept: KeptPolicies;
  readonly reservations: Reservations;
}

/**
 * Writes those of the daemon's policies once more that are not on disk as they were kept: its file was damaged. Rejects
 * with `UnavailableError`.
 */
export async function writeLostAgain({ policies, kept, reservations }: LostParts): Promise<void> {
  const found = new Map((await kept.found()).map((policy) => [policy.number, policy]));
  const lost = policies.all().filter((policy) => !isThere(policy, found.get(policy.number)));
  const held: (() => void)[] = [];
  try {
    // Whoever deletes or replaces one at this moment has the last word.
    for (const { name } of lost) held.push(await reservations.holdInTurn(name));
    await kept.saveAgain(lost.filter((policy) => policies.get(policy.name) === policy));
  } finally {
    for (const letGo of held) letGo();
  }
}

function isThere({ document }: { readonly document: string }, found: FoundPolicy | undefined): boolean {
  if (found === undefined) return false;
  return found.document === document || isWrittenAlike(found.document, document);
}
