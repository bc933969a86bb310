import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Backend, PolicyInput } from '../contract.ts';
import type { SchemaFinding } from '../host.ts';
import { MOST_FINDINGS, shorten } from '../messages.ts';

/** What stands in a payload. */
export interface WrittenPolicy {
  readonly config: Record<string, unknown>;
  readonly scope: unknown;
}

/** A policy as `run` gets it, or what the backend's schemas have against it. */
export type ReadPolicy = { readonly policy: PolicyInput } | { readonly findings: readonly SchemaFinding[] };

/** Longest text in a finding, in characters. */
const LONGEST_FINDING = 500;
const DEEPEST_PATH = 32;
/** All findings of a payload must fit into one message. */
const MOST_FINDING_BYTES = 2 ** 19;

/** Runs the backend's schemas over a policy: `config` keeps every key that was written, overlaid with the output. */
export async function readPolicy(backend: Backend, written: WrittenPolicy): Promise<ReadPolicy> {
  if (backend.config === undefined && backend.scope === undefined) return { policy: written };
  const config = await validate(backend.config, written.config);
  const scope = await validate(backend.scope, written.scope);
  const findings = [
    ...findingsOf('config', written.config, config.issues),
    ...findingsOf('scope', written.scope, scope.issues),
  ];
  if (config.issues !== undefined || scope.issues !== undefined) return { findings: bounded(findings) };
  return { policy: { config: { ...written.config, ...toObject(config.value) }, scope: scope.value } };
}

/** A policy that its backend's schemas agree to; rejects with the first finding. */
export async function readSoundPolicy(backend: Backend, written: WrittenPolicy): Promise<PolicyInput> {
  const read = await readPolicy(backend, written);
  if ('policy' in read) return read.policy;
  const [finding] = read.findings;
  throw new Error(`${[finding?.part, ...(finding?.path ?? [])].join('.')}: ${finding?.message}`);
}

async function validate(
  schema: StandardSchemaV1 | undefined,
  value: unknown,
): Promise<StandardSchemaV1.Result<unknown>> {
  return schema === undefined ? { value } : await schema['~standard'].validate(value);
}

function toObject(output: unknown): Record<string, unknown> {
  return typeof output === 'object' && output !== null ? (output as Record<string, unknown>) : {};
}

function* findingsOf(
  part: SchemaFinding['part'],
  written: unknown,
  issues: readonly StandardSchemaV1.Issue[] | undefined,
): Generator<SchemaFinding> {
  for (const issue of (issues ?? []).slice(0, MOST_FINDINGS)) {
    const path = (issue.path ?? []).slice(0, DEEPEST_PATH).map(keyOf);
    yield {
      part,
      path,
      type: isThere(written, path) ? 'value_error' : 'missing',
      message: shorten(String(issue.message), LONGEST_FINDING),
    };
  }
}

function keyOf(segment: PropertyKey | StandardSchemaV1.PathSegment): string | number {
  const key = typeof segment === 'object' ? segment.key : segment;
  return typeof key === 'number' ? key : shorten(String(key), LONGEST_FINDING);
}

/** False when the path leads to a key that was not written. */
function isThere(written: unknown, path: readonly (string | number)[]): boolean {
  let value = written;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return false;
    value = (value as Record<string | number, unknown>)[key];
  }
  return true;
}

function bounded(findings: readonly SchemaFinding[]): readonly SchemaFinding[] {
  let kept = findings.slice(0, MOST_FINDINGS);
  while (Buffer.byteLength(JSON.stringify(kept)) > MOST_FINDING_BYTES) {
    kept = kept.slice(0, kept.length / 2);
  }
  return kept;
}
