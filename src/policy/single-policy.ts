import { BadRequestError } from '../errors.ts';
import type { YamlDocument } from './parse-yaml.ts';

/**
 * A policy written alone as the document that would hold it under `name`. One that is written as a whole document
 * already stays as it is.
 *
 * @throws BadRequestError when it is no policy, or another one.
 */
export function asWholeDocument(name: string, document: YamlDocument): YamlDocument {
  const { value } = document;
  if (!(value instanceof Map)) throw noPolicy(value);
  if (value.has('policies')) {
    refuseOthers(name, value.get('policies'));
    return document;
  }
  if (value.has('name')) refuseOtherName(name, value.get('name'));
  return { ...document, value: new Map([['policies', new Map([[name, value]])]]), base: ['policies', name] };
}

function noPolicy(value: unknown): BadRequestError {
  const got = Array.isArray(value) ? 'a list' : value === null ? 'nothing' : `a ${typeof value}`;
  return new BadRequestError(`the body must be a map with the keys 'config' and 'scope', not ${got}`);
}

/** What is wrong with the map itself is said where every document is checked. */
function refuseOthers(name: string, policies: unknown): void {
  if (!(policies instanceof Map) || policies.size === 0) return;
  if (policies.size > 1) {
    throw new BadRequestError(`the body has ${policies.size} policies: PUT takes the policy '${name}' alone`);
  }
  for (const key of policies.keys()) refuseOtherName(name, key);
}

function refuseOtherName(name: string, written: unknown): void {
  const other = typeof written === 'object' ? 'something else' : `'${String(written)}'`;
  if (other === `'${name}'`) return;
  throw new BadRequestError(`the path names the policy '${name}', the body ${other}`);
}
