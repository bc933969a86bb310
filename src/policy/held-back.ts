import type { Logger } from 'pino';
import type { LocatedPackage } from '../backend/host.ts';
import { BackendError, messageOf, type ValidationFinding } from '../errors.ts';
import type { AppliedPolicy } from './applied-policy.ts';
import type { PolicyDraft, PolicyWarning } from './contract.ts';
import { fieldOf } from './field-of.ts';
import { withoutSecrets } from './open-packages.ts';
import type { Switched } from './switch-version.ts';

const MODULE = { module: 'worker.policy.manager' };

/** What a policy shows whose package leads to a version that nobody can use. */
export function unusableWarning({ draft, lease }: AppliedPolicy, why: string): PolicyWarning {
  return {
    field: fieldOf(['policies', draft.name, 'config', 'package']),
    line: undefined,
    column: undefined,
    message: cleaned(
      `the bundle leads to a version that cannot be used: ${why}; runs stay with version ${lease.package.version}`,
      [draft],
    ),
  };
}

/** What a policy shows whose config or scope a new version refuses. */
export function refusedWarnings(
  { lease }: AppliedPolicy,
  findings: readonly ValidationFinding[],
  version: LocatedPackage,
): readonly PolicyWarning[] {
  return findings.map(({ field, error }) => ({
    field,
    line: undefined,
    column: undefined,
    message: `version ${version.version} refuses this: ${error}; runs stay with version ${lease.package.version}`,
  }));
}

/** One line, however many policies there are. */
export function logUnusable(
  log: Logger,
  packageName: string,
  policies: ReadonlySet<AppliedPolicy>,
  why: string,
): void {
  const drafts = Array.from(policies, ({ draft }) => draft);
  const text = `Package ${packageName}: the bundle leads to a version that cannot be used: ${why}; ${stay(policies)}`;
  log.warn(MODULE, cleaned(text, drafts));
}

/** A line for those that have the version now, and one for those that cannot have it. */
export function logSwitched(
  log: Logger,
  { name, version }: LocatedPackage,
  { moved, refused, before }: Switched,
): void {
  const drafts = [...moved, ...refused.keys()].map(({ draft }) => draft);
  if (moved.length > 0) {
    const text = `Package ${name}: version ${version} takes the place of ${[...before].join(', ')} in ${count(moved.length)}`;
    log.info(MODULE, cleaned(text, drafts));
  }
  const [first] = refused.values();
  if (first === undefined) return;
  const text = `Package ${name}: version ${version} refuses ${count(refused.size)}, ${first[0]?.field}: ${first[0]?.error}; ${stay(refused)}`;
  log.warn(MODULE, cleaned(text, drafts));
}

function stay(policies: { readonly size: number }): string {
  return policies.size === 1
    ? 'its runs stay with the version it has'
    : 'their runs stay with the version they have';
}

function count(policies: number): string {
  return policies === 1 ? '1 policy' : `${policies} policies`;
}

function cleaned(text: string, drafts: readonly PolicyDraft[]): string {
  return messageOf(withoutSecrets(new BackendError(text), drafts));
}
