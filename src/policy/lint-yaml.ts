import { EVENT_ID, getScalarValue, SCALAR_STYLE } from 'js-yaml';
import type { Finding } from './finding.ts';
import type { YamlDocument } from './parse-yaml.ts';
import { walkNodes, type YamlNode } from './walk-nodes.ts';
import { readBoolean, readNumber, surpriseOf } from './yaml-scalars.ts';

/** Plain scalars that can be anything but text start with one of these. */
const MAY_SURPRISE = /^[-+.0-9yYnNtTfFoO]/;

/**
 * What YAML 1.1 reads in a way that its writer may not expect, or that is not the same in the Python worker.
 *
 * @param limit no more findings than these.
 */
export function lintYaml(document: YamlDocument, limit: number): readonly Finding[] {
  const findings: Finding[] = [];
  const keys = new Set<string>();
  walkNodes(document, (node) => {
    const message = messageFor(node, document.source) ?? (node.isKey ? repeated(node, keys) : undefined);
    if (message !== undefined) findings.push({ path: node.path(), offset: node.offset, message });
    return findings.length < limit;
  });
  return findings;
}

function messageFor({ event, isKey }: YamlNode, source: string): string | undefined {
  if (event.type !== EVENT_ID.SCALAR) return undefined;
  if (event.tagStart >= 0) {
    const isBinary = source.slice(event.tagStart, event.tagEnd).endsWith('binary');
    return isBinary ? 'binary data stays Base64 text here; the Python worker decodes it' : undefined;
  }
  if (event.style !== SCALAR_STYLE.PLAIN) return undefined;
  const text = getScalarValue(source, event);
  if (isKey) return surpriseOfKey(text);
  return MAY_SURPRISE.test(text) ? surpriseOf(text) : undefined;
}

/** Keys reach a backend as text, whatever YAML made of them; the Python worker keeps numbers, booleans and null. */
function surpriseOfKey(text: string): string | undefined {
  if (!MAY_SURPRISE.test(text)) return undefined;
  const value = readBoolean(text) ?? readNumber(text);
  if (value === undefined) return surpriseOf(text);
  return `the key ${text} is read as ${value}, and is the text '${value}' to the backend (the Python worker keeps what was read): write '${text}'`;
}

function repeated({ containerId, segment, event }: YamlNode, keys: Set<string>): string | undefined {
  const isMerge = segment === '<<' && event.type === EVENT_ID.SCALAR && event.style === SCALAR_STYLE.PLAIN;
  if (isMerge) return undefined;
  const id = `${containerId}\0${segment}`;
  if (keys.has(id)) return `the key '${segment}' is given twice: the last one counts`;
  keys.add(id);
  return undefined;
}
