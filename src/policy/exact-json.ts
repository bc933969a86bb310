import { asJson, mapChildren, type PlainObject, type PlainValue } from './plain-value.ts';

/**
 * What JSON has no number for is a map of this key alone, with its text; a map that has been of this key alone is in one
 * as well.
 */
const MARK = '$number';

const NUMBERS: ReadonlyMap<string, number> = new Map([
  ['.nan', Number.NaN],
  ['.inf', Number.POSITIVE_INFINITY],
  ['-.inf', Number.NEGATIVE_INFINITY],
  ['-0', -0],
]);

/** JSON from which {@link parseExactly} makes the same value, whatever a document may hold. */
export function stringifyExactly(value: PlainValue): string {
  return JSON.stringify(withMarks(value));
}

/** @throws SyntaxError where the text is damaged. */
export function parseExactly(text: string): PlainValue {
  const value: PlainValue = JSON.parse(text);
  return text.includes(MARK) ? withoutMarks(value) : value;
}

function withMarks(value: PlainValue): PlainValue {
  const scalar = Object.is(value, -0) ? '-0' : asScalar(value);
  if (scalar !== value) return { [MARK]: scalar };
  const marked = mapChildren(value, withMarks);
  return isMarked(value) ? { [MARK]: marked } : marked;
}

const asScalar = (value: PlainValue): PlainValue => (typeof value === 'object' ? value : asJson(value));

function withoutMarks(value: PlainValue): PlainValue {
  if (!isMarked(value)) return mapChildren(value, withoutMarks);
  const marked = value[MARK] ?? null;
  return typeof marked === 'string'
    ? (NUMBERS.get(marked) ?? BigInt(marked))
    : mapChildren(marked, withoutMarks);
}

function isMarked(value: PlainValue): value is PlainObject {
  return typeof value === 'object' && value !== null && MARK in value && Object.keys(value).length === 1;
}
