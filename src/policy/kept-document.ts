import { isDeepStrictEqual } from 'node:util';
import type { PolicyDraft } from './contract.ts';

/** What is kept of a policy as it was written, and which of the variables that it names were not set. */
export interface KeptDocument {
  readonly config: unknown;
  readonly scope: unknown;
  readonly run: unknown;
  readonly unset?: readonly string[];
}

/** The text from which a policy can be read again. */
export function documentOf({ written, unset }: PolicyDraft): string {
  const document: KeptDocument = unset.length > 0 ? { ...written, unset } : written;
  return JSON.stringify(document);
}

/** Empty where the text is damaged. */
export function parseDocument(text: string): KeptDocument {
  const parsed = parse(text);
  const isMap = typeof parsed === 'object' && parsed !== null;
  return { config: null, scope: null, run: null, ...(isMap ? parsed : {}) };
}

/** Whether a policy was written as the kept one was. */
export function isWrittenAs(text: string, { written }: PolicyDraft): boolean {
  const { config, scope, run } = parseDocument(text);
  return isDeepStrictEqual({ config, scope, run }, written);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
