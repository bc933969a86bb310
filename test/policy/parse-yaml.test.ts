import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RequestError } from '../../src/errors.ts';
import { parseYaml } from '../../src/policy/parse-yaml.ts';

interface Reading {
  readonly type: string;
  readonly value?: unknown;
}

interface ScalarCase extends Reading {
  readonly text: string;
  /** Where we read otherwise on purpose. */
  readonly ours?: Reading & { readonly why: string };
}

const corpus = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`corpus/${name}`, import.meta.url), 'utf8'));

const scalars = corpus('scalars.json') as readonly ScalarCase[];

function valueAt(text: string): unknown {
  const { value } = parseYaml(text);
  return value instanceof Map ? value.get('x') : undefined;
}

describe('reads a value as the Python worker does', () => {
  test.each(scalars.map((scalar) => [scalar.text, scalar.ours ?? scalar] as const))(
    '%j',
    (text, expected) => {
      if (expected.type === 'invalid') {
        expect(() => valueAt(`x: ${text}`)).toThrow('Invalid YAML format');
      } else {
        expect(inJson(valueAt(`x: ${text}`))).toEqual(asWritten(expected));
      }
    },
  );
});

/** The corpus writes integers as text, as they may be larger than JSON's, and what JSON has no number for. */
function asWritten({ type, value }: Reading): unknown {
  return type === 'int' && typeof value === 'string' ? Number(value) : value;
}

function inJson(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'number' && !Number.isFinite(value)) {
    return Number.isNaN(value) ? '.nan' : value > 0 ? '.inf' : '-.inf';
  }
  if (Array.isArray(value)) return value.map(inJson);
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, item]) => [key, inJson(item)]));
  return value;
}

test('an integer past 2^53 loses no digit', () => {
  expect(valueAt('x: 9007199254740993')).toBe(9007199254740993n);
  expect(valueAt('x: -0x20000000000001')).toBe(-9007199254740993n);
  expect(valueAt('x: 9007199254740991')).toBe(9007199254740991);
});

test('an integer of more digits than the Python worker reads is refused', () => {
  expect(() => valueAt(`x: ${'9'.repeat(4_301)}`)).toThrow('Invalid YAML format');
  expect(() => valueAt(`x: ${'9'.repeat(1_000_000)}`)).toThrow('Invalid YAML format');
  expect(valueAt(`x: ${'9'.repeat(4_300)}`)).toBe(10n ** 4300n - 1n);
});

test('keys keep their type and their place', () => {
  const { value } = parseYaml('{b: 1, 7: 2, "7": 3, a: 4, null: 5, yes: 6}');
  expect(value).toEqual(
    new Map<unknown, unknown>([
      ['b', 1],
      [7, 2],
      ['7', 3],
      ['a', 4],
      [null, 5],
      [true, 6],
    ]),
  );
});

test('what an alias stands for is shared, not copied', () => {
  const { value } = parseYaml('x: &a [1]\ny: *a');
  const map = value as Map<string, unknown>;
  expect(map.get('y')).toBe(map.get('x'));
});

test.each([
  ['x: {\n}', new Map()],
  ['x: [1,\n2\n]', [1, 2]],
  ['y: 1\nx: "a\nb"', 'a b'],
  ['x:\t{}', new Map()],
  ['x:\t \t[a,\tb]', ['a', 'b']],
])('reads layouts that upstream reads: %j', (text, expected) => {
  expect(valueAt(text)).toEqual(expected);
});

test('a tab never indents, not even in braces', () => {
  expect(() => parseYaml('x: {\n\ty: 1}')).toThrow('Invalid YAML format');
  expect(() => parseYaml('x:\n\ty: 1')).toThrow('Invalid YAML format');
});

test('a fault explains what is wrong and where, and quotes nothing of the document', () => {
  const fault = faultOf('a: 1\nsecret: s3cret }\nb: [');
  expect(fault.message).toBe('Invalid YAML format');
  expect(fault.explanation).toMatch(/^Invalid YAML format: .* at line 3, column 5$/);
  expect(fault.explanation).not.toContain('s3cret');
});

test('the fault of a huge name stays short', () => {
  expect(faultOf(`*${'a'.repeat(100_000)}`).explanation.length).toBeLessThan(500);
});

function faultOf(text: string): RequestError {
  try {
    parseYaml(text);
  } catch (fault) {
    if (fault instanceof RequestError) return fault;
  }
  throw new Error('the document was read');
}

/** Pieces of YAML that, put together at random, lead into most corners of a parser. */
const rubbish = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        'a',
        ': ',
        '- ',
        '\n',
        '\n  ',
        '{',
        '}',
        '[',
        ']',
        ', ',
        '"',
        "'",
        '&a ',
        '*a',
        '!!int ',
      ),
      fc.constantFrom(
        '|',
        '>',
        '? ',
        '#',
        '---\n',
        '...\n',
        '<<: ',
        '%',
        '\t',
        '\ufeff',
        '017',
        '1:30',
        '!!set ',
      ),
      fc.string({ maxLength: 3 }),
    ),
    { maxLength: 40 },
  )
  .map((pieces) => pieces.join(''));

test('rubbish is read or refused, never worse', () => {
  fc.assert(
    fc.property(rubbish, (text) => {
      try {
        parseYaml(text);
      } catch (fault) {
        expect(fault).toBeInstanceOf(RequestError);
      }
    }),
    { numRuns: 2_000 },
  );
});

test('JSON is read as JSON is', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
      const text = JSON.stringify(value).replace(/[\x7f-\x9f\ufffe\uffff]/g, '');
      const json: unknown = JSON.parse(text);
      // `1e30` is text in YAML 1.1: the one thing that JSON and it do not share.
      fc.pre(!/\de[+-]?\d|-0(?!\.)/i.test(text));
      expect(inJson(parseYaml(text).value)).toEqual(inJson(json));
    }),
  );
});
