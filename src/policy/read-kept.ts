import { BadRequestError } from '../errors.ts';
import { checkPolicies, type SoundPolicy } from './check-policies.ts';
import type { PolicyDraft, PolicyWarning } from './contract.ts';
import { environmentFor } from './expand.ts';
import { parseDocument } from './kept-document.ts';
import { lintPolicies } from './lint-policies.ts';
import { draftOf, type ReadOptions } from './read-document.ts';
import { atOnce } from './steps.ts';

/**
 * Reads a policy from what was kept of it, as if it were applied anew.
 *
 * @throws RequestError when it cannot be applied any more; a variable that was set then and is not now is a reason, too.
 */
export function readKeptPolicy(name: string, text: string, options: ReadOptions): PolicyDraft {
  const { unset = [], ...parts } = parseDocument(text);
  const policy = check(name, parts, options);
  const draft = draftOf(policy, options.hostTimezone, warningsOf(policy));
  const gone = draft.unset.find((variable) => !unset.includes(variable));
  if (gone === undefined) return draft;
  throw new BadRequestError(`the environment variable '${gone}', which it names, is not set any more`);
}

function check(
  name: string,
  parts: object,
  { provenance, env, allowEnv, hostTimezone }: ReadOptions,
): SoundPolicy {
  const document = new Map([['policies', new Map([[name, mapsOf(parts)]])]]);
  const environment = environmentFor(provenance, env, allowEnv);
  const [policy] = atOnce(checkPolicies(document, { environment, hostTimezone }));
  if (!policy) throw new BadRequestError('nothing was kept of it');
  return policy;
}

/** Maps as the YAML parser makes them. */
function mapsOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(mapsOf);
  if (typeof value !== 'object' || value === null) return value;
  return new Map(Object.entries(value).map(([key, item]) => [key, mapsOf(item)]));
}

/** There is no document any more to find places in. */
function warningsOf(policy: SoundPolicy): readonly PolicyWarning[] {
  const document = {
    events: [],
    source: '',
    paddedLines: new Set<number>(),
    value: new Map(),
    isSurprising: false,
    base: [],
  };
  const warnings = lintPolicies(document, [policy]).get(policy.name) ?? [];
  return warnings.map((warning) => ({ ...warning, line: undefined, column: undefined }));
}
