import { BadRequestError } from '../errors.ts';
import { MAX_CHARACTERS, MAX_DEPTH, MAX_VALUES } from './limits.ts';

/** What a document can hold: JSON, and integers that a number would not hold exactly. */
export type PlainValue = null | boolean | number | bigint | string | readonly PlainValue[] | PlainObject;
/** Without prototype, so that `__proto__` is a key like any other. */
export interface PlainObject {
  readonly [key: string]: PlainValue;
}

/** What a value costs when its aliases are written out. */
interface Size {
  readonly values: number;
  readonly characters: number;
  readonly depth: number;
}

interface Converted {
  readonly value: PlainValue;
  readonly size: Size;
}

const IN_PROGRESS = Symbol('in progress');

/**
 * Turns what the YAML parser made into plain values, within what a document may hold when its aliases are written out.
 * One converter for a document: what an alias repeats is converted once and stays shared.
 */
export class PlainConverter {
  readonly #converted = new Map<object, Converted | typeof IN_PROGRESS>();
  #values = 0;
  #characters = 0;

  /** @throws BadRequestError for a value that contains itself, or is too deep or too large. */
  convert(value: unknown): PlainValue {
    const { value: plain, size } = this.#convert(value, 0);
    this.#values += size.values;
    this.#characters += size.characters;
    refuseTooLarge(this.#values, this.#characters);
    return plain;
  }

  #convert(value: unknown, depth: number): Converted {
    if (typeof value !== 'object' || value === null) return scalar(value);
    const known = this.#converted.get(value);
    if (known === IN_PROGRESS) throw new BadRequestError('the document holds a value that contains itself');
    if (known) {
      refuseTooDeep(depth + known.size.depth);
      return known;
    }
    refuseTooDeep(depth + 1);
    this.#converted.set(value, IN_PROGRESS);
    const converted = this.#convertCollection(value, depth);
    this.#converted.set(value, converted);
    return converted;
  }

  #convertCollection(value: object, depth: number): Converted {
    const size = new GrowingSize();
    if (Array.isArray(value)) {
      const items: PlainValue[] = value.map((item: unknown) => size.add(this.#convert(item, depth + 1)));
      return { value: items, size };
    }
    const object: Record<string, PlainValue> = Object.create(null);
    for (const [key, item] of value as Map<unknown, unknown>) {
      const name = String(key);
      object[name] = size.add(this.#convert(item, depth + 1));
      size.characters += name.length;
    }
    return { value: object, size };
  }
}

class GrowingSize implements Size {
  values = 1;
  characters = 0;
  depth = 1;

  add({ value, size }: Converted): PlainValue {
    this.values += size.values;
    this.characters += size.characters;
    this.depth = Math.max(this.depth, size.depth + 1);
    refuseTooLarge(this.values, this.characters);
    return value;
  }
}

function scalar(value: unknown): Converted {
  if (typeof value === 'string') return { value, size: { values: 1, characters: value.length, depth: 0 } };
  return { value: value as PlainValue, size: SMALL };
}

const SMALL: Size = { values: 1, characters: 0, depth: 0 };

function refuseTooDeep(depth: number): void {
  if (depth > MAX_DEPTH) throw new BadRequestError(`the document nests deeper than ${MAX_DEPTH} levels`);
}

function refuseTooLarge(values: number, characters: number): void {
  if (values <= MAX_VALUES && characters <= MAX_CHARACTERS) return;
  throw new BadRequestError(
    `the document is too large with its aliases written out: at most ${MAX_VALUES} values and ${MAX_CHARACTERS} characters`,
  );
}

/** The same with nothing that JSON cannot write: integers past 2^53, infinities and NaN become their text. */
export function asJson(value: PlainValue): PlainValue {
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'number') return Number.isFinite(value) ? value : yamlFloat(value);
  return mapChildren(value, asJson);
}

function yamlFloat(value: number): string {
  if (Number.isNaN(value)) return '.nan';
  return value > 0 ? '.inf' : '-.inf';
}

/** A copy with every item of a list or map replaced; the value itself where nothing changed. */
export function mapChildren(
  value: PlainValue,
  replace: (child: PlainValue, key: string | number) => PlainValue,
): PlainValue {
  if (typeof value !== 'object' || value === null) return value;
  return isList(value) ? mapItems(value, replace) : mapEntries(value, replace);
}

const isList = (value: readonly PlainValue[] | PlainObject): value is readonly PlainValue[] =>
  Array.isArray(value);

function mapItems(
  items: readonly PlainValue[],
  replace: (child: PlainValue, key: number) => PlainValue,
): PlainValue {
  let copy: PlainValue[] | undefined;
  for (const [index, item] of items.entries()) {
    const replaced = replace(item, index);
    if (replaced === item) continue;
    copy ??= [...items];
    copy[index] = replaced;
  }
  return copy ?? items;
}

function mapEntries(
  object: PlainObject,
  replace: (child: PlainValue, key: string) => PlainValue,
): PlainValue {
  let copy: Record<string, PlainValue> | undefined;
  for (const key in object) {
    const item = object[key];
    if (item === undefined) continue;
    const replaced = replace(item, key);
    if (replaced === item) continue;
    copy ??= Object.assign(Object.create(null) as Record<string, PlainValue>, object);
    copy[key] = replaced;
  }
  return copy ?? object;
}
