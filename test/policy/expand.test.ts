import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Provenance } from '../../src/policy/contract.ts';
import { payloadOf, policyWith, read, readOne, refusalOf, rowsOf, scopeOf } from './read.ts';

const env = { A: '1', B: '${A}', EMPTY: '', P: 'pkg', CRON: '*/5 * * * *', TOKEN: 's3cret' };

describe('${NAME}', () => {
  test('45: is replaced where it is the whole text, at any depth, keys left alone', () => {
    const scope =
      '[{k: "${A}", "${A}": 0}, [["${A}"]], "x${A}", "${A}${A}", "${NO}", "${}", "${A${B}}", " ${A}"]';
    expect(scopeOf(scope, { env })).toEqual([
      { k: '1', '${A}': 0 },
      [['1']],
      'x${A}',
      '${A}${A}',
      '${NO}',
      '${}',
      '${A${B}}',
      ' ${A}',
    ]);
  });

  test('is replaced in one pass, by a text, an empty one as well', () => {
    expect(scopeOf('["${B}", "${EMPTY}", "${A}"]', { env })).toEqual(['${A}', '', '1']);
    expect(scopeOf('"${A}"', { env })).toBe('1');
  });

  test('46: names a package, a schedule and the settings of runs', () => {
    const draft = readOne(
      policyWith({
        config: '{package: "${P}", schedule: "${CRON}"}',
        more: ', run: {timezone: "${TZ}", timeout: "${A}"}',
      }),
      { env: { ...env, TZ: 'Asia/Tokyo' } },
    );
    expect(draft).toMatchObject({
      packageName: 'pkg',
      schedule: '*/5 * * * *',
      settings: { timezone: 'Asia/Tokyo', timeoutMs: 1_000 },
    });
  });

  test('of a name that every object has is no variable', () => {
    expect(scopeOf('["${constructor}", "${__proto__}", "${toString}"]')).toEqual([
      '${constructor}',
      '${__proto__}',
      '${toString}',
    ]);
  });

  test('is shown as it was written, and its value nowhere', () => {
    const draft = readOne(policyWith({ config: '{package: pkg, token: "${TOKEN}"}' }), { env });
    expect(JSON.stringify(draft.written)).toBe(
      '{"config":{"package":"pkg","token":"${TOKEN}"},"scope":{},"run":null}',
    );
    expect(JSON.stringify(draft.warnings)).not.toContain('s3cret');
    expect(payloadOf(draft).config.token).toBe('s3cret');
  });

  test('makes secrets of what reaches the backend alone: not of empty values, the package, the schedule', () => {
    const config =
      '{package: "${P}", schedule: "${CRON}", token: "${TOKEN}", other: ["${EMPTY}", "${TOKEN}"]}';
    expect(readOne(policyWith({ config, scope: '"${A}"' }), { env }).secrets).toEqual(['s3cret', '1']);
  });

  test('of a secret in a schedule or zone that is none is not quoted', () => {
    const body = policyWith({
      config: '{package: x, schedule: "${TOKEN}"}',
      more: ', run: {timezone: "${TOKEN}", timeout: "${TOKEN}", overlap: "${TOKEN}"}',
    });
    const rows = rowsOf(body, { env });
    expect(rows).toHaveLength(4);
    expect(JSON.stringify(rows)).not.toContain('s3cret');
  });

  test('leaves every other text alone', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        fc.pre(!/^\$\{[^${}]+\}$/.test(text) && text.isWellFormed());
        expect(scopeOf(JSON.stringify(text), { env })).toBe(text);
      }),
    );
  });

  test('gives any value of any name, whatever it looks like', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_.-]{0,20}$/), fc.string(), (name, value) => {
        expect(scopeOf(`["\${${name}}"]`, { env: { [name]: value } })).toEqual([value]);
      }),
    );
  });
});

describe('the right to expand', () => {
  const trusted: readonly Provenance[] = ['file', 'authenticated', 'loopback'];
  test.each(trusted)('is unlimited for documents from %s', (provenance) => {
    expect(scopeOf('"${TOKEN}"', { env, provenance })).toBe('s3cret');
  });

  test('over the network is what --allow-env says; anything else is a row, set or not, and tells nothing', () => {
    const body = policyWith({ config: '{package: "${P}", a: "${NO}"}', scope: '[x, "${TOKEN}", "${A}"]' });
    const rows = rowsOf(body, { env, provenance: 'network', allowEnv: ['A', 'X*'] });
    expect(rows.map(([field, type]) => `${field} ${type}`)).toEqual([
      'policies.p.config.package value_error',
      'policies.p.config.a value_error',
      'policies.p.scope.1 value_error',
    ]);
    const [ofSet, ofUnset] = rows.map(([, , error]) => error?.replace(/'\w+'/, 'NAME'));
    expect(ofSet).toBe(ofUnset);
    expect(ofSet).toContain('--allow-env');
    expect(JSON.stringify(rows)).toContain("'TOKEN'");
    expect(JSON.stringify(rows)).not.toContain('s3cret');
  });

  test('is asked for by references alone', () => {
    const scope = '["${}", "${A}${A}", "${A${B}}", "x${A}"]';
    expect(scopeOf(scope, { env, provenance: 'network' })).toEqual(['${}', '${A}${A}', '${A${B}}', 'x${A}']);
  });

  test('leaves one row for a value, not a second for what its text is not', () => {
    const body = policyWith({
      config: '{package: x, schedule: "${CRON}"}',
      more: ', run: {overlap: "${A}"}',
    });
    expect(rowsOf(body, { env, provenance: 'network' }).map(([field]) => field)).toEqual([
      'policies.p.config.schedule',
      'policies.p.run.overlap',
    ]);
  });

  test.each([
    ['*', 'ANY', true],
    ['A', 'A', true],
    ['A', 'AB', false],
    ['A*', 'A', true],
    ['A*', 'BA', false],
    ['*A', 'BA', true],
    ['A*B*C', 'AxBxC', true],
    ['A*B*C', 'AxCxB', false],
    ['AB*BA', 'ABA', false],
    ['A.C', 'ABC', false],
    ['a', 'A', false],
  ])('pattern %s matches %s: %s', (pattern, name, isAllowed) => {
    const outcome = () =>
      scopeOf(`"\${${name}}"`, { env: { [name]: 'x' }, provenance: 'network', allowEnv: [pattern] });
    if (isAllowed) expect(outcome()).toBe('x');
    else expect(outcome).toThrow('--allow-env');
  });

  test('is decided at once for a name and a pattern that would keep a regular expression busy', () => {
    const name = 'A'.repeat(100_000);
    const body = policyWith({ scope: `"\${${name}}"` });
    const startedAt = performance.now();
    expect(refusalOf(body, { provenance: 'network', allowEnv: [`${'A*'.repeat(20)}B`] }).statusCode).toBe(
      403,
    );
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });
});

test('every policy of a document has secrets of its own, shared values included', () => {
  const body =
    'base: &b {token: "${TOKEN}"}\npolicies: {p: {config: {package: x}, scope: *b}, q: {config: {package: x}, scope: [*b, *b]}, r: {config: {package: x}, scope: 1}}';
  expect(read(body, { env }).map(({ secrets }) => secrets)).toEqual([['s3cret'], ['s3cret'], []]);
});
