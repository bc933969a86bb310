import { constructFromEvents, YAMLException } from 'js-yaml';
import { BadRequestError, messageOf, RequestError } from '../errors.ts';
import { InvalidYamlError } from './decode.ts';
import type { Path } from './expand.ts';
import { MAX_DEPTH, MAX_MERGED_KEYS, refuseTooManyValues } from './limits.ts';
import { type ParsedEvents, parseLikeUpstream } from './parse-events.ts';
import { atOnce, type Steps } from './steps.ts';
import { createYamlSchema } from './yaml-schema.ts';

/** A YAML document as it was read. */
export interface YamlDocument extends ParsedEvents {
  /** Maps are `Map`s. Aliases are shared references: a value may even contain itself. */
  readonly value: unknown;
  /** Something was read in a way that `lintYaml` may have words for. */
  readonly isSurprising: boolean;
  /** Where what is written lies in the paths of findings: `[]`, or `['policies', NAME]` of a policy written alone. */
  readonly base: Path;
}

/**
 * Reads one document; none at all is null.
 *
 * @throws BadRequestError with upstream's text for what is no YAML, with ours for what is too large.
 */
export const parseYaml = (text: string): YamlDocument => atOnce(parseYamlInSteps(text));

/** The same, a step at a time. */
export function* parseYamlInSteps(text: string): Steps<YamlDocument> {
  refuseTooManyValues(text);
  yield;
  try {
    let isSurprising = false;
    const schema = createYamlSchema(() => {
      isSurprising = true;
    });
    const parsed = parseLikeUpstream(text);
    yield;
    // `json`: the last of two equal keys wins, as upstream.
    const options = { source: parsed.source, schema, json: true, maxTotalMergeKeys: MAX_MERGED_KEYS };
    const documents = constructFromEvents(parsed.events, options);
    if (documents.length > 1) throw new InvalidYamlError('more than one document');
    return { ...parsed, value: documents[0] ?? null, isSurprising, base: [] };
  } catch (fault) {
    throw requestErrorFor(fault);
  }
}

/** Reasons quote names out of the document. */
const MAX_REASON = 200;

/** Without the piece of source that the library's message shows: it may hold a secret. */
function requestErrorFor(fault: unknown): RequestError {
  if (fault instanceof RequestError) return fault;
  if (!(fault instanceof YAMLException)) return new InvalidYamlError(messageOf(fault));
  if (/maxDepth/.test(fault.reason)) {
    return new BadRequestError(`the document nests deeper than ${MAX_DEPTH} levels`);
  }
  if (/maxTotalMergeKeys/.test(fault.reason)) {
    return new BadRequestError(`the document's merge keys (<<) copy more than ${MAX_MERGED_KEYS} keys`);
  }
  const place = fault.mark ? ` at line ${fault.mark.line + 1}, column ${fault.mark.column + 1}` : '';
  return new InvalidYamlError(fault.reason.slice(0, MAX_REASON) + place);
}
