import type { Provenance } from './contract.ts';
import { mapChildren, type PlainValue } from './plain-value.ts';

/** Keys and list indexes from a policy's top: `['scope', 'targets', 0]`. */
export type Path = readonly (string | number)[];

/** Which `${NAME}` of a document are looked up, and where. */
export interface Environment {
  readonly variables: NodeJS.ProcessEnv;
  isAllowed(name: string): boolean;
}

export interface Expansion {
  readonly value: PlainValue;
  /** Values that were put in, empty ones left out. */
  readonly inserted: readonly { readonly path: Path; readonly text: string }[];
  /** Names that this document's sender may not expand; their text stays. */
  readonly refused: readonly Reference[];
  /** Names that no variable has; their text stays. */
  readonly unset: readonly Reference[];
}

export interface Reference {
  readonly path: Path;
  readonly name: string;
}

/** What upstream looks up; `${A}${B}`, `${A${B}}` and `${}` name nothing (sheet: Policy document). */
const REFERENCE = /^\$\{([^${}]+)\}$/;

/**
 * The rights of a document by where it came from (design: trust).
 *
 * @param allowEnv patterns for documents from the network, `*` matches any run of characters.
 */
export function environmentFor(
  provenance: Provenance,
  variables: NodeJS.ProcessEnv,
  allowEnv: readonly string[],
): Environment {
  if (provenance !== 'network') return { variables, isAllowed: () => true };
  return { variables, isAllowed: (name) => allowEnv.some((pattern) => matches(pattern, name)) };
}

/** Not by a regular expression: a name of megabytes and a pattern of several `*` would take it for ever. */
function matches(pattern: string, name: string): boolean {
  const [start = '', ...rest] = pattern.split('*');
  const end = rest.pop();
  if (end === undefined) return name === pattern;
  if (!name.startsWith(start)) return false;
  let position = start.length;
  for (const part of rest) {
    const found = name.indexOf(part, position);
    if (found < 0) return false;
    position = found + part.length;
  }
  return name.length - position >= end.length && name.endsWith(end);
}

/** Replaces every text that is `${NAME}` as a whole, at any depth, keys left alone, in one pass. */
export function expand(value: PlainValue, path: Path, environment: Environment): Expansion {
  const inserted: { path: Path; text: string }[] = [];
  const refused: Reference[] = [];
  const unset: Reference[] = [];
  const keys = [...path];

  const expandValue = (value: PlainValue): PlainValue => {
    if (typeof value === 'string') return expandText(value);
    return mapChildren(value, (child, key) => {
      keys.push(key);
      const expanded = expandValue(child);
      keys.pop();
      return expanded;
    });
  };

  const expandText = (text: string): string => {
    const name = referenceIn(text);
    if (name === undefined) return text;
    const found = lookUp(name, environment);
    if (typeof found !== 'string') {
      (found === REFUSED ? refused : unset).push({ path: [...keys], name });
      return text;
    }
    if (found !== '') inserted.push({ path: [...keys], text: found });
    return found;
  };

  return { value: expandValue(value), inserted, refused, unset };
}

function referenceIn(text: string): string | undefined {
  return text.startsWith('${') ? REFERENCE.exec(text)?.[1] : undefined;
}

const REFUSED = Symbol('refused');

function lookUp(name: string, { variables, isAllowed }: Environment): string | undefined | typeof REFUSED {
  if (!isAllowed(name)) return REFUSED;
  return Object.hasOwn(variables, name) ? variables[name] : undefined;
}
