import { afterAll, beforeAll, expect, test } from 'vitest';
import type { BackendHost } from '../../src/backend/host.ts';
import { BackendError, BadRequestError, UnavailableError, ValidationError } from '../../src/errors.ts';
import { openWarmHost } from '../run/support.ts';
import { documentOf, errorOf, expectNoLoadedChild, held, Policies } from './policies.ts';

let warm: BackendHost;

beforeAll(async () => {
  warm = await openWarmHost();
});

afterAll(() => warm.stop());

const validate = (policies: Policies, document: string | Buffer) =>
  policies.registry.validate(Buffer.from(document), 'loopback');

test('a good document: its policies, their packages, their first runs', async () => {
  const { policies } = held({ host: warm });
  await using _ = policies;
  const document = documentOf({ often: { schedule: '*/5 * * * *' }, once: {} });
  expect(await validate(policies, document)).toEqual([
    {
      name: 'often',
      backend: { package: 'scripted', version: '1.2.3' },
      nextRunAt: Date.UTC(2026, 0, 1, 12, 5),
      warnings: [],
    },
    { name: 'once', backend: { package: 'scripted', version: '1.2.3' }, nextRunAt: undefined, warnings: [] },
  ]);
});

test('nothing is started, no name is taken, no package stays', async () => {
  const { clock, policies } = held({});
  await using _ = policies;
  await validate(policies, documentOf({ edge: { schedule: '* * * * *' } }));
  await expectNoLoadedChild(policies);
  expect(policies.names).toEqual([]);
  expect(policies.registry.loadedPackages()).toEqual([]);
  expect(clock.pending).toBe(0);
  expect(policies.lines.filter(({ policy }) => policy !== undefined)).toEqual([]);
  expect(await policies.apply({ edge: {} })).toEqual(['edge']);
});

test('what surprises, and a name that is taken', async () => {
  await using policies = new Policies({ host: warm });
  await policies.apply({ edge: {} });
  const document =
    'policies:\n  edge:\n    config: {package: scripted, steps: []}\n    scope: {country: NO}\n';
  const [edge] = await validate(policies, document);
  expect(edge?.warnings).toEqual([
    {
      field: 'policies.edge',
      line: 2,
      column: 3,
      message: 'a policy of this name is applied already: POST will be refused, PUT replaces it',
    },
    expect.objectContaining({ field: 'policies.edge.scope.country', line: 4, column: 22 }),
  ]);
});

test('every finding has its place, those of the backends too', async () => {
  await using policies = new Policies({ host: warm });
  const wrong = 'policies:\n  a:\n    config:\n      package: 5\n  b: []\n';
  expect(await errorOf(validate(policies, wrong))).toMatchObject({
    statusCode: 403,
    rows: [
      { field: 'policies.a.config.package', type: 'string_type', line: 4, column: 7 },
      { field: 'policies.a.scope', type: 'missing', line: 2, column: 3 },
      { field: 'policies.b', type: 'model_type', line: 5, column: 3 },
    ],
  });
  const refused = 'policies:\n  a: {config: {package: strict, site: x},\n      scope: {role: y}}\n';
  const error = await errorOf(validate(policies, refused));
  expect(error).toBeInstanceOf(ValidationError);
  expect(error).toMatchObject({
    detail: [
      { field: 'policies.a.config.site', type: 'value_error', line: 2, column: 33 },
      { field: 'policies.a.scope.role', type: 'value_error', line: 3, column: 15 },
    ],
  });
});

test.each([
  ['policies:\n  a:\n\tscope: 1', /^Invalid YAML format: .+ at line 3, column 1$/],
  ['policies:\n  a: {}\n---\npolicies: {}', 'Invalid YAML format: more than one document'],
  ['policies: {a: {scope: *x}}', /^Invalid YAML format: .*x.* at line 1, column 2\d$/],
  [Buffer.from([0x61, 0xff]), 'Invalid YAML format: the bytes are not utf-8'],
])('%j is no YAML, and the reply says why and where', async (document, detail) => {
  await using policies = new Policies();
  expect(await errorOf(validate(policies, document))).toMatchObject({
    statusCode: 400,
    detail: typeof detail === 'string' ? detail : expect.stringMatching(detail),
  });
});

test.each([
  ['60 * * * *', "'60 * * * *': Invalid value for minute: 60"],
  ['* * * 13 *', "'* * * 13 *': Invalid value for month"],
  ['0 0 31 2 *', "'0 0 31 2 *' never fires"],
  ['5m', "'5m' has 1 field, a cron expression has 5 or 6"],
])('the schedule %j is refused with the reason', async (schedule, why) => {
  await using policies = new Policies({ host: warm });
  const error = await errorOf(validate(policies, documentOf({ a: { schedule } })));
  expect(error).toMatchObject({
    statusCode: 403,
    detail: [{ type: 'value_error', error: `Value error, Invalid cron schedule format. ${why}` }],
  });
});

test('a schedule out of the environment is not quoted', async () => {
  await using policies = new Policies({ host: warm, env: { SECRET: 's3cret' } });
  const error = await errorOf(validate(policies, documentOf({ a: { schedule: '${SECRET}' } })));
  expect(error).toMatchObject({ statusCode: 403 });
  expect(JSON.stringify(error)).not.toContain('s3cret');
});

test('what may not be applied is refused alike', async () => {
  await using policies = new Policies();
  for (const [document, kind] of [
    ['policies: {', BadRequestError],
    ['policies: {}', BadRequestError],
    [documentOf({ a: {}, b: { package: 'nowhere' } }), BackendError],
    [documentOf({ a: {}, b: { package: 'broken' } }), BackendError],
  ] as const) {
    expect(await errorOf(validate(policies, document))).toBeInstanceOf(kind);
  }
  await expectNoLoadedChild(policies);
  policies.registry.stop();
  expect(await errorOf(validate(policies, documentOf({ a: {} })))).toBeInstanceOf(UnavailableError);
});

test('the same document many times at once', async () => {
  await using policies = new Policies();
  const document = documentOf({ a: {}, b: { package: 'strict', site: 'good', scope: { role: 'good' } } });
  const all = await Promise.all(Array.from({ length: 20 }, () => validate(policies, document)));
  for (const validated of all) expect(validated.map(({ name }) => name)).toEqual(['a', 'b']);
  await expectNoLoadedChild(policies);
});
