import { serialize } from 'node:v8';
import { BadRequestError } from '../errors.ts';
import { checkPolicies, type SoundPolicy } from './check-policies.ts';
import { withoutLineBreaks } from './clean-name.ts';
import { CompactDraft } from './compact-draft.ts';
import type { PolicyDraft, PolicyWarning, Provenance } from './contract.ts';
import { decodeDocument } from './decode.ts';
import { environmentFor } from './expand.ts';
import { documentOf } from './kept-document.ts';
import { lintPolicies } from './lint-policies.ts';
import { parseYamlInSteps, type YamlDocument } from './parse-yaml.ts';
import { runSettingsOf } from './run-settings.ts';
import { asWholeDocument } from './single-policy.ts';
import type { Steps } from './steps.ts';

export interface ReadOptions {
  readonly provenance: Provenance;
  readonly env: NodeJS.ProcessEnv;
  /** Patterns of names that documents from the network may expand; `*` matches any run of characters. */
  readonly allowEnv: readonly string[];
  /** IANA zone of schedules that name none. */
  readonly hostTimezone: string;
}

/**
 * Reads, expands and checks a policy document, in upstream's order (sheet: REST): YAML, then every policy's schema.
 * Whether its packages exist is not looked at. A document of many policies or values takes a while, hence the steps.
 *
 * @returns at least one policy, in document order.
 * @throws BadRequestError for what is no document of policies, or too large to be read.
 * @throws ValidationError with everything that is wrong in it.
 */
export function* readPolicyDocument(document: Buffer, options: ReadOptions): Steps<readonly PolicyDraft[]> {
  return yield* draftsOf(yield* parse(document), options);
}

/**
 * Reads a document that is one policy, `{config, scope, run?}`, or a whole document that holds this policy alone. Its
 * findings are named as if the whole document had been written.
 *
 * @throws BadRequestError and ValidationError as {@link readPolicyDocument}, and for what names another policy.
 */
export function* readPolicy(name: string, document: Buffer, options: ReadOptions): Steps<PolicyDraft> {
  const yaml = yield* parse(document);
  const [draft] = yield* draftsOf(asWholeDocument(name, yaml), options);
  if (!draft) throw new BadRequestError('no policies found in request');
  return draft;
}

function* parse(document: Buffer): Steps<YamlDocument> {
  const text = decodeDocument(document);
  yield;
  return yield* parseYamlInSteps(text);
}

function* draftsOf(yaml: YamlDocument, options: ReadOptions): Steps<readonly PolicyDraft[]> {
  if (!(yaml.value instanceof Map)) throw noMapping(yaml.value);
  const environment = environmentFor(options.provenance, options.env, options.allowEnv);
  const { hostTimezone } = options;
  yield;
  const policies = yield* checkPolicies(yaml.value, { environment, hostTimezone });
  yield;
  if (policies.length === 0) throw new BadRequestError('no policies found in request');
  refuseBrokenNames(policies);
  const warnings = lintPolicies(yaml, policies);
  const drafts: PolicyDraft[] = [];
  for (const policy of policies) {
    yield;
    drafts.push(draftOf(policy, hostTimezone, warnings.get(policy.name) ?? []));
  }
  return drafts;
}

function noMapping(value: unknown): BadRequestError {
  const got = Array.isArray(value) ? 'a list' : value === null ? 'nothing' : `a ${typeof value}`;
  return new BadRequestError(`the body must be a map with the key 'policies', not ${got}`);
}

/** Half of a surrogate pair cannot be written in UTF-8: no log, URL or reply could name the policy. */
function refuseBrokenNames(policies: readonly SoundPolicy[]): void {
  const broken = policies.find(({ name }) => !name.isWellFormed());
  if (!broken) return;
  throw new BadRequestError(
    `policy '${broken.name.toWellFormed()}' has half of a surrogate pair in its name`,
  );
}

export function draftOf(
  { name, written, expanded, checked }: SoundPolicy,
  hostTimezone: string,
  warnings: readonly PolicyWarning[],
): PolicyDraft {
  const { config = null, scope = null, run = null } = written;
  const unset = unsetIn(expanded);
  return new CompactDraft({
    name,
    runName: withoutLineBreaks(name),
    packageName: withoutLineBreaks(checked.config.package),
    schedule: checked.config.schedule ?? undefined,
    settings: runSettingsOf(checked.run, hostTimezone),
    document: documentOf({ config, scope, run }, unset),
    payload: serialize({ config: expanded.config?.value, scope: expanded.scope?.value }),
    unset,
    secrets: secretsOf(expanded),
    warnings,
  });
}

function unsetIn(expanded: SoundPolicy['expanded']): readonly string[] {
  return [...new Set(Object.values(expanded).flatMap((part) => (part?.unset ?? []).map(({ name }) => name)))];
}

/** What the daemon itself shows of a policy is no secret: its package and its schedule. */
function secretsOf({ config, scope }: SoundPolicy['expanded']): readonly string[] {
  const ofConfig = (config?.inserted ?? []).filter(({ path }) => !isShown(path.slice(2).join('.')));
  const inserted = [...ofConfig, ...(scope?.inserted ?? [])];
  return [...new Set(inserted.map(({ text }) => text))];
}

const isShown = (field: string): boolean => field === 'config.package' || field === 'config.schedule';
