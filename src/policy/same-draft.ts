import { isDeepStrictEqual } from 'node:util';
import { deserialize } from 'node:v8';
import type { PolicyDraft } from './contract.ts';
import { isWrittenAlike } from './kept-document.ts';

/** True when both were written alike and come to the same, whatever the order of the keys in their maps. */
export function isSameDraft(one: PolicyDraft, other: PolicyDraft): boolean {
  return (
    isWrittenAlike(one.document, other.document) &&
    isDeepStrictEqual(one.settings, other.settings) &&
    (one.payload.equals(other.payload) ||
      isDeepStrictEqual(deserialize(one.payload), deserialize(other.payload)))
  );
}
