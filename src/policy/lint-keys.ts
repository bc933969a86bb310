import type { SoundPolicy } from './check-policies.ts';
import { KNOWN_KEYS } from './document-schema.ts';
import type { Path } from './expand.ts';
import type { Finding } from './finding.ts';
import { nearMissOf } from './near-miss.ts';
import { isTimezone } from './timezone.ts';

/** Keys beside `policies` that were probably meant to be it. */
export function lintTopKeys(document: ReadonlyMap<unknown, unknown>): readonly Finding[] {
  return unknownKeys(document, ['policies']).flatMap((key) =>
    nearMissOf(key, ['policies'])
      ? [{ path: [key], message: `'${key}' has no effect: did you mean 'policies'?` }]
      : [],
  );
}

/** Keys of a policy that were probably meant to be others, or to lie elsewhere. */
export function lintKeys({ name, source, checked }: SoundPolicy): readonly Finding[] {
  const path = ['policies', name];
  const misplaced = unknownKeys(source, KNOWN_KEYS.policy).flatMap((key) => {
    const hint = hintForPolicyKey(key);
    return hint === undefined
      ? []
      : [{ path: [...path, key], message: `'${key}' has no effect here: ${hint}` }];
  });
  return [...misplaced, ...lintConfigKeys(checked, [...path, 'config'])];
}

function unknownKeys(map: ReadonlyMap<unknown, unknown>, known: readonly string[]): readonly string[] {
  return [...map.keys()].filter((key) => typeof key === 'string').filter((key) => !known.includes(key));
}

function hintForPolicyKey(key: string): string | undefined {
  if (KNOWN_KEYS.config.includes(key)) return 'it belongs in config';
  if (KNOWN_KEYS.run.includes(key)) return 'it belongs in run';
  const meant = nearMissOf(key, KNOWN_KEYS.policy);
  return meant && `did you mean '${meant}'?`;
}

/** Backends have keys of their own in config: only what looks like ours by its value too is worth a word. */
function lintConfigKeys({ config, run }: SoundPolicy['checked'], path: Path): readonly Finding[] {
  const findings: Finding[] = [];
  const note = (key: string, message: string): void => {
    findings.push({ path: [...path, key], message: `'${key}' is left to the backend: ${message}` });
  };
  const isScheduled = config.schedule != null;
  for (const [key, value] of Object.entries(config)) {
    if (!isScheduled && typeof value === 'string' && nearMissOf(key, ['schedule'])) {
      note(key, "did you mean 'schedule'?");
    }
  }
  const { timezone, overlap } = config;
  if (isScheduled && typeof timezone === 'string' && isTimezone(timezone) && !run?.timezone) {
    note('timezone', "the schedule's zone is 'timezone' in the policy's run");
  }
  if (typeof overlap === 'string' && OVERLAPS.includes(overlap) && !run?.overlap) {
    note('overlap', "ours is 'overlap' in the policy's run");
  }
  if (hasRunKeysOnly(config.run)) note('run', 'ours lies beside config, not in it');
  return findings;
}

const OVERLAPS: readonly string[] = ['skip', 'queue_one', 'allow'];

function hasRunKeysOnly(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const keys = Object.keys(value);
  return keys.length > 0 && keys.every((key) => KNOWN_KEYS.run.includes(key));
}
