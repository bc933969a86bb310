import type { SoundPolicy } from './check-policies.ts';
import type { PolicyWarning } from './contract.ts';
import type { Reference } from './expand.ts';
import { fieldOf } from './field-of.ts';
import type { Finding } from './finding.ts';
import { lintCron } from './lint-cron.ts';
import { lintKeys, lintTopKeys } from './lint-keys.ts';
import { lintYaml } from './lint-yaml.ts';
import { createLocator, createPlaceFinder } from './locate.ts';
import type { YamlDocument } from './parse-yaml.ts';

/** Enough for a person; a document of rubbish has more. */
const MAX_FINDINGS = 1_000;
const MAX_WARNINGS = 50;

/**
 * What is legal in a document and yet surprises, by the policy's name. What lies outside all policies is told of the
 * first one.
 */
export function lintPolicies(
  document: YamlDocument,
  policies: readonly SoundPolicy[],
): ReadonlyMap<string, readonly PolicyWarning[]> {
  const findings = findAll(document, policies);
  if (findings.length === 0) return new Map();
  const located = locateAll(document, findings).sort((one, other) => one.offset - other.offset);
  const placeOf = createPlaceFinder(document);
  const names = new Set(policies.map(({ name }) => name));
  const warnings = new Map<string, PolicyWarning[]>();
  for (const { path, message, offset } of located) {
    const [top, name] = path;
    const isInPolicy = top === 'policies' && typeof name === 'string' && names.has(name);
    const owner = isInPolicy ? name : (policies[0]?.name ?? '');
    const list = warnings.get(owner) ?? [];
    warnings.set(owner, list);
    const { line, column } = placeOf(offset);
    if (list.length < MAX_WARNINGS) list.push({ field: fieldOf(path), line, column, message });
    else if (list.length === MAX_WARNINGS) list.push(thereAreMore(owner));
  }
  return warnings;
}

function thereAreMore(policy: string): PolicyWarning {
  const message = `there are more than ${MAX_WARNINGS} warnings: the rest is left out`;
  return { field: fieldOf(['policies', policy]), line: undefined, column: undefined, message };
}

function findAll(document: YamlDocument, policies: readonly SoundPolicy[]): readonly Finding[] {
  let findings = document.isSurprising ? lintYaml(document, MAX_FINDINGS) : [];
  if (document.value instanceof Map) findings = [...findings, ...lintTopKeys(document.value)];
  for (const policy of policies) {
    if (findings.length >= MAX_FINDINGS) break;
    const found = [...lintKeys(policy), ...lintSchedule(policy), ...lintReferences(policy)];
    if (found.length > 0) findings = [...findings, ...found];
  }
  return findings.slice(0, MAX_FINDINGS);
}

function lintSchedule({ name, written, checked }: SoundPolicy): readonly Finding[] {
  const { schedule } = checked.config;
  // One that came from the environment is not quoted anywhere.
  const isWritten = isMap(written.config) && written.config.schedule === schedule;
  const message = schedule != null && isWritten ? lintCron(schedule) : undefined;
  return message === undefined ? [] : [{ path: ['policies', name, 'config', 'schedule'], message }];
}

const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function lintReferences({ expanded }: SoundPolicy): readonly Finding[] {
  return Object.values(expanded).flatMap((expansion) => (expansion?.unset ?? []).map(unsetFinding));
}

function unsetFinding({ path, name }: Reference): Finding {
  return { path, message: `the environment variable '${name}' is not set: the text stays as it is` };
}

function locateAll(
  document: YamlDocument,
  findings: readonly Finding[],
): (Finding & { readonly offset: number })[] {
  const unlocated = findings.filter(({ offset }) => offset === undefined);
  const locator = createLocator(
    document,
    unlocated.map(({ path }) => path),
  );
  return findings.map((finding) => ({
    ...finding,
    offset: finding.offset ?? locator.offsetOf(finding.path) ?? 0,
  }));
}
