import { isDeepStrictEqual } from 'node:util';
import { parseExactly, stringifyExactly } from './exact-json.ts';
import { asJson, type PlainValue } from './plain-value.ts';

/** What of a policy is as it was written, `${NAME}` unexpanded. */
export interface WrittenParts {
  readonly config: PlainValue;
  readonly scope: PlainValue;
  readonly run: PlainValue;
}

/** What is kept of a policy: how it was written, and which of the variables that it names were not set. */
interface KeptDocument extends WrittenParts {
  readonly unset?: readonly string[];
}

/** The text from which a policy can be read again. */
export function documentOf({ config, scope, run }: WrittenParts, unset: readonly string[]): string {
  return stringifyExactly(unset.length > 0 ? { config, scope, run, unset } : { config, scope, run });
}

/** Empty where the text is damaged. */
export function parseDocument(text: string): KeptDocument {
  const parsed = parse(text);
  const isMap = typeof parsed === 'object' && parsed !== null;
  return { config: null, scope: null, run: null, ...(isMap ? parsed : {}) };
}

/** What the API shows of it: plain JSON values. */
export function shownDocument(text: string): WrittenParts {
  const { config, scope, run } = parseDocument(text);
  return { config: asJson(config), scope: asJson(scope), run: asJson(run) };
}

/** Whether two policies were written alike, whatever the order of the keys in their maps. */
export function isWrittenAlike(one: string, other: string): boolean {
  const { unset: _, ...parts } = parseDocument(one);
  const { unset: __, ...otherParts } = parseDocument(other);
  return isDeepStrictEqual(parts, otherParts);
}

function parse(text: string): unknown {
  try {
    return parseExactly(text);
  } catch {
    return undefined;
  }
}
