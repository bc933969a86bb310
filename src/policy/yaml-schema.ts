import {
  binaryTag,
  defineMappingTag,
  defineScalarTag,
  mergeTag,
  NOT_RESOLVED,
  nullYaml11Tag,
  pairsTag,
  type ScalarTagDefinition,
  Schema,
  seqTag,
  strTag,
} from 'js-yaml';
import { isDate, readBoolean, readInteger, readNumber, surpriseOf } from './yaml-scalars.ts';

const CORE = 'tag:yaml.org,2002:';

/** @param firstChars of plain scalars that may be of this tag; undefined: only where the tag is written. */
function scalar(
  name: string,
  firstChars: readonly string[] | undefined,
  read: (text: string, isExplicit: boolean) => unknown,
): ScalarTagDefinition {
  return defineScalarTag<unknown>(CORE + name, {
    implicit: firstChars !== undefined,
    implicitFirstChars: firstChars ?? null,
    identify: () => false,
    resolve(text, isExplicit) {
      const value = read(text, isExplicit);
      return value === undefined ? NOT_RESOLVED : value;
    },
  });
}

function readBinary(text: string): string | undefined {
  const isBase64 = binaryTag.resolve(text, true, binaryTag.tagName) !== NOT_RESOLVED;
  return isBase64 ? text : undefined;
}

/**
 * YAML 1.1 as the Python worker reads it, with values that JSON knows: maps are `Map`s (a key keeps its type and its
 * place), dates and binary data stay text, what makes a set, an ordered map or pairs is a map or a list of pairs.
 *
 * @param onSurprise is told that something was read that `lintYaml` may have words for.
 */
export function createYamlSchema(onSurprise: () => void): Schema {
  const noteSurprise = (text: string, value: unknown): void => {
    if (typeof value === 'bigint' || (String(value) !== text && surpriseOf(text) !== undefined)) onSurprise();
  };

  const bool = scalar('bool', [...'yYnNtTfFoO'], (text) => {
    const value = readBoolean(text);
    if (value !== undefined) noteSurprise(text, value);
    return value;
  });
  // One tag for all that begins like a number: most are addresses and versions, and asked only once.
  const number = scalar('int', [...'-+0123456789.'], (text, isExplicit) => {
    const value = isExplicit ? readInteger(text) : readNumber(text);
    if (!isExplicit) noteSurprise(text, value);
    return value;
  });

  const map = (name: string) =>
    defineMappingTag<Map<unknown, unknown>>(CORE + name, {
      create: () => new Map(),
      addPair(carrier, key, value) {
        if (typeof key === 'object' && key !== null) return 'a list or a map cannot be a key';
        if (typeof key !== 'string' || carrier.has(key)) onSurprise();
        carrier.set(key, value);
        return '';
      },
      has: (carrier, key) => carrier.has(key),
      keys: (result) => result.keys(),
      get: (result, key) => result.get(key),
      identify: () => false,
    });

  return new Schema([
    strTag,
    nullYaml11Tag,
    bool,
    number,
    scalar('float', undefined, readNumber),
    scalar('timestamp', undefined, (text) => (isDate(text) ? text : undefined)),
    mergeTag,
    scalar('binary', undefined, (text) => {
      onSurprise();
      return readBinary(text);
    }),
    seqTag,
    pairsTag,
    { ...pairsTag, tagName: `${CORE}omap` },
    map('map'),
    map('set'),
  ]);
}
