import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RequestError } from '../../src/errors.ts';
import type { PolicyDraft } from '../../src/policy/contract.ts';
import { isWrittenAlike, parseDocument } from '../../src/policy/kept-document.ts';
import { readKeptPolicy } from '../../src/policy/read-kept.ts';
import { payloadOf, policyWith, read, readOne } from './read.ts';

const OPTIONS = { provenance: 'loopback', env: { SET: 'value' }, allowEnv: [], hostTimezone: 'UTC' } as const;

/** A policy, and what is read from what was kept of it. */
function restored(draft: PolicyDraft): PolicyDraft {
  return readKeptPolicy(draft.name, draft.document, OPTIONS);
}

test.each([
  ['.nan', Number.NaN],
  ['.inf', Number.POSITIVE_INFINITY],
  ['-.inf', Number.NEGATIVE_INFINITY],
  ['-0.0', -0],
  ['9007199254740993', 9_007_199_254_740_993n],
  ['"9007199254740993"', '9007199254740993'],
  ['".nan"', '.nan'],
  ['2001-12-14', '2001-12-14'],
  ['{$number: .nan}', { $number: Number.NaN }],
  ['{$number: "5"}', { $number: '5' }],
  ['{$number: {$number: {}}}', { $number: { $number: {} } }],
  ['{$number: 5, b: [.inf]}', { $number: 5, b: [Number.POSITIVE_INFINITY] }],
  ['{__proto__: {a: .inf}}', JSON.parse('{"__proto__": {"a": null}}', infinite)],
])('a backend gets %s after a restart as it did before', (written, scope) => {
  const draft = readOne(policyWith({ scope: `[${written}]` }), OPTIONS);
  for (const each of [draft, restored(draft)]) {
    expect(payloadOf(each).scope).toEqual([scope]);
  }
});

function infinite(_key: string, value: unknown): unknown {
  return value ?? Number.POSITIVE_INFINITY;
}

const texts = fc.oneof(
  fc.constantFrom('$number', '__proto__', '.nan', '-0', '${SET}', '${UNSET}', 'constructor', ''),
  fc.string({ maxLength: 8 }),
);
const quoted = texts.map((text) => JSON.stringify(text));
const plain = fc.constantFrom('.nan', '-.inf', '.inf', '-0', '-0.0', '1.5e+300', '0x7fffffffffffffff');
const surprising = fc.constantFrom('017', '1:30', '1:30.5', '2001-12-14', '!!binary aGk=', '~', 'yes', '1e5');
const integer = fc.bigInt({ min: -(2n ** 200n), max: 2n ** 200n }).map(String);
/** YAML in one line. */
const { value } = fc.letrec((tie) => ({
  value: fc.oneof({ depthSize: 'small' }, quoted, plain, surprising, integer, tie('list'), tie('map')),
  list: fc.array(tie('value'), { maxLength: 4 }).map((items) => `[${items.join(', ')}]`),
  map: fc
    .array(fc.tuple(fc.oneof(quoted, plain, integer), tie('value')), { maxLength: 4 })
    .map((entries) => `{${entries.map(([key, item]) => `${key}: ${item}`).join(', ')}}`),
}));
const documents = fc
  .tuple(fc.dictionary(texts, value, { maxKeys: 4 }), value, fc.option(integer))
  .map(([config, scope, retries]) => {
    const keys = Object.entries({ ...config, package: 'pkg' });
    return policyWith({
      config: `{${keys.map(([key, item]) => `${JSON.stringify(key)}: ${item}`).join(', ')}}`,
      scope: String(scope),
      more: retries === null ? '' : `, run: {retries: ${retries}}`,
    });
  });

test('what was read of a document is read of what is kept of it, exactly', () => {
  let taken = 0;
  fc.assert(
    fc.property(documents, (document) => {
      const [draft] = drafts(document);
      fc.pre(draft !== undefined);
      taken++;
      const again = restored(draft);
      // Not by expect: a key `constructor` confuses it.
      expect(isDeepStrictEqual(payloadOf(again), payloadOf(draft))).toBe(true);
      for (const name of ['name', 'packageName', 'settings', 'unset', 'secrets'] as const) {
        expect(again[name]).toEqual(draft[name]);
      }
      expect(isWrittenAlike(again.document, draft.document)).toBe(true);
      expect(again.document).toBe(draft.document);
    }),
    { numRuns: 500 },
  );
  expect(taken).toBeGreaterThan(200);
});

function drafts(document: string): readonly PolicyDraft[] {
  try {
    return read(document, OPTIONS);
  } catch (error) {
    if (error instanceof RequestError) return [];
    throw error;
  }
}

test('a text that is damaged is read as nothing', () => {
  for (const text of ['', '{', 'null', '"a"', '{"scope": {"$number": "5x"}}']) {
    expect(parseDocument(text)).toStrictEqual({ config: null, scope: null, run: null });
  }
});
