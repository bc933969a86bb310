import type { LocatedPackage } from '../backend/host.ts';
import type { ValidationFinding } from '../errors.ts';
import type { AppliedPolicy } from './applied-policy.ts';
import { rowsFor } from './open-packages.ts';
import type { PackageHold } from './package-hold.ts';

/** What came of a switch to another version. */
export interface Switched {
  readonly moved: readonly AppliedPolicy[];
  /** What the schemas of the new version have against the policies that stay where they are; never empty lists. */
  readonly refused: ReadonlyMap<AppliedPolicy, readonly ValidationFinding[]>;
  /** Versions that the moved policies had. */
  readonly before: ReadonlySet<string>;
}

/** Policies are checked with the schemas of a new version this many at once. */
const CHECKED_AT_ONCE = 500;

/**
 * Moves policies of a package to the version that `hold` holds, but for those whose config or scope its schemas
 * refuse. Those that are added to `policies` meanwhile are moved, too; nothing waits between the last look at them and
 * the end. Rejects when the schemas cannot be used: policies that were not checked by then stay where they are.
 */
export async function switchVersion(
  policies: ReadonlySet<AppliedPolicy>,
  hold: PackageHold,
): Promise<Switched> {
  const moved: AppliedPolicy[] = [];
  const refused = new Map<AppliedPolicy, readonly ValidationFinding[]>();
  const before = new Set<string>();
  const check = async (some: readonly AppliedPolicy[]): Promise<void> => {
    const findings = await hold.lease.check(
      some.map(({ payload }) => payload),
      some.flatMap(({ secrets }) => secrets),
    );
    for (const [index, policy] of some.entries()) {
      const rows = rowsFor(policy.draft, findings[index] ?? []);
      if (rows.length > 0) refused.set(policy, rows);
      if (rows.length > 0 || !policies.has(policy)) continue;
      before.add(policy.lease.package.version);
      policy.moveTo(hold);
      moved.push(policy);
    }
  };
  for (;;) {
    const behind = Array.from(policies).filter(
      (policy) => !refused.has(policy) && !isAt(hold.lease.package, policy),
    );
    if (behind.length === 0) return { moved, refused, before };
    await check(behind.slice(0, CHECKED_AT_ONCE));
  }
}

function isAt(version: LocatedPackage, { lease }: AppliedPolicy): boolean {
  return lease.package === version;
}
