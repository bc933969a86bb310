import type { NamedEntity } from './contract.ts';

/** A receiver's way to say which entity it means: `entity at index 3 is nil`, `entities[3].name`, `entity 3: ...`. */
const PLACE = /\b(?:index|entity|entities)(?: index)?\s*[#:=]?\s*\[?(\d{1,9})\b/gi;
/** `[3]: ...`, in a text that says nothing clearer. */
const BARE_PLACE = /\[(\d{1,9})\]/g;

/**
 * Which entities these errors are about, each by its place in the request, from 0; undefined unless every error names
 * exactly one.
 */
export function namedEntities(errors: readonly string[]): readonly NamedEntity[] | undefined {
  const named = new Map<number, NamedEntity>();
  for (const words of errors) {
    const index = onlyNumber(words, PLACE) ?? onlyNumber(words, BARE_PLACE);
    if (index === undefined) return undefined;
    if (!named.has(index)) named.set(index, { index, words });
  }
  return named.size === 0 ? undefined : [...named.values()].sort((a, b) => a.index - b.index);
}

function onlyNumber(words: string, pattern: RegExp): number | undefined {
  const numbers = new Set(Array.from(words.matchAll(pattern), ([, digits]) => Number(digits)));
  const [number] = numbers;
  return numbers.size === 1 ? number : undefined;
}
