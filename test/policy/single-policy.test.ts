import { describe, expect, test } from 'vitest';
import { RequestError, ValidationError } from '../../src/errors.ts';
import { findPlaces } from '../../src/policy/locate.ts';
import { readPolicy } from '../../src/policy/read-document.ts';
import { atOnce } from '../../src/policy/steps.ts';
import { payloadOf } from './read.ts';

const options = { provenance: 'loopback', env: { A: '1' }, allowEnv: [], hostTimezone: 'UTC' } as const;

const readAs = (name: string, body: string) => atOnce(readPolicy(name, Buffer.from(body), options));

/** What a body is refused with. */
function refusalAs(name: string, body: string): RequestError {
  try {
    readAs(name, body);
  } catch (error) {
    if (error instanceof RequestError) return error;
    throw error;
  }
  throw new Error('the body was accepted');
}

describe('a policy written alone', () => {
  test('is read as it would be under its name in a document', () => {
    const draft = readAs(
      'edge',
      'config: {package: pkg, key: "${A}"}\nscope: [017]\nrun: {overlap: allow}\n',
    );
    expect(draft).toMatchObject({ name: 'edge', packageName: 'pkg', settings: { overlap: 'allow' } });
    expect(payloadOf(draft)).toEqual({ config: { package: 'pkg', key: '1' }, scope: [15] });
  });

  test('its findings and warnings are named like those of a document, with their place in what was sent', () => {
    const refusal = refusalAs('a.b', 'config: {package: 5}\n');
    expect(refusal.statusCode).toBe(403);
    expect(refusal.detail).toEqual([
      { field: 'policies.a.b.config.package', type: 'string_type', error: 'Input should be a valid string' },
      { field: 'policies.a.b.scope', type: 'missing', error: 'Field required' },
    ]);
    expect(readAs('edge', 'config: {package: pkg}\nscope:\n  - country: NO\nruns: {}\n').warnings).toEqual([
      expect.objectContaining({ field: 'policies.edge.scope.0.country', line: 3, column: 14 }),
      expect.objectContaining({ field: 'policies.edge.runs', line: 4, column: 1 }),
    ]);
  });

  test('may be written as a whole document, or say its own name', () => {
    const policy = '{config: {package: pkg}, scope: 1}';
    for (const body of [`policies: {edge: ${policy}}`, `{name: edge, ${policy.slice(1)}`]) {
      expect(readAs('edge', body)).toMatchObject({ name: 'edge', packageName: 'pkg' });
    }
    expect(readAs('7', `{name: 7, ${policy.slice(1)}`).name).toBe('7');
  });

  test.each([
    [
      'policies: {core: {config: {package: p}, scope: 1}}',
      "the path names the policy 'edge', the body 'core'",
    ],
    ['{name: core, config: {package: p}, scope: 1}', "the path names the policy 'edge', the body 'core'"],
    [
      '{name: [edge], config: {package: p}, scope: 1}',
      "the path names the policy 'edge', the body something else",
    ],
    ['policies: {edge: {}, core: {}}', "the body has 2 policies: PUT takes the policy 'edge' alone"],
    ['policies: {}', 'no policies found in request'],
    ['', "the body must be a map with the keys 'config' and 'scope', not nothing"],
    ['[1]', "the body must be a map with the keys 'config' and 'scope', not a list"],
    ['edge', "the body must be a map with the keys 'config' and 'scope', not a string"],
    ['config: {', 'Invalid YAML format'],
  ])('%j is refused with 400', (body, message) => {
    expect(refusalAs('edge', body)).toMatchObject({ statusCode: 400, message });
  });

  test.each([
    ['policies: 5', [['policies', 'dict_type']]],
    ['policies: {edge: 5}', [['policies.edge', 'model_type']]],
    [
      '{}',
      [
        ['policies.edge.config', 'missing'],
        ['policies.edge.scope', 'missing'],
      ],
    ],
    ['{config: 5, scope: 1}', [['policies.edge.config', 'model_type']]],
  ])('%j is refused with rows', (body, rows) => {
    const refusal = refusalAs('edge', body);
    if (!(refusal instanceof ValidationError)) throw refusal;
    expect(refusal.rows.map(({ field, type }) => [field, type])).toEqual(rows);
  });
});

describe('places in a document', () => {
  const document = Buffer.from('policies:\n  a:\n    config: {package: x}\n    scope:\n      - k: 1\n');

  test.each([
    [['policies', 'a', 'scope', 0, 'k'], { line: 5, column: 9 }],
    [['policies', 'a', 'config', 'package'], { line: 3, column: 14 }],
    [['policies', 'a', 'scope', 0, 'not', 'there'], { line: 5, column: 9 }],
    [['policies', 'b', 'config'], { line: 1, column: 1 }],
  ])('%j', (path, place) => {
    expect(findPlaces(document, [path])(path)).toEqual(place);
  });

  test('what no path leads to is at the beginning', () => {
    expect(findPlaces(Buffer.from('{}'), [['policies']])(['policies'])).toEqual({ line: 1, column: 1 });
  });
});
