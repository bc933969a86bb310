import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RealDaemon } from '../support/real-daemon.ts';
import { dryRunFlags, invalidYaml, policy, rowOf } from './support.ts';

// Cases 15 to 47 of the sheet: what a POST answers to a document.

let daemon: RealDaemon;
beforeAll(async () => {
  daemon = await RealDaemon.start(dryRunFlags(), { env: { A: '1', P: 'pkg' } });
});
afterAll(() => daemon[Symbol.asyncDispose]());

interface Case {
  readonly title: string;
  readonly body: string | Buffer;
  readonly status: number;
  /** The exact `detail`. */
  readonly detail?: unknown;
  /** Policies that the document started, deleted again after the case. */
  readonly starts?: readonly string[];
}

const missingPolicies = [rowOf('policies', 'missing')];
const noDictionary = [rowOf('policies', 'dict_type')];
const noCron = (field: string) => [rowOf(field, 'value_error')];
const withConfig = (config: string) => `policies: {p: {config: ${config}, scope: {}}}`;

const cases: Case[] = [
  ...[
    'policies: {',
    'policies:\n\tx: 1',
    'a: *x',
    'a: !!python/none x',
    '{}\n---\n{}',
    Buffer.from([0xff, 0xfe, 0x41]),
  ].map((body) => ({ title: `17 ${JSON.stringify(body.toString('latin1'))}`, body, ...invalidYaml })),
  ...['', 'null', '42', '[1]', 'text'].map((body) => ({
    title: `18 ${JSON.stringify(body)}`,
    body,
    status: 400,
  })),
  ...['{}', 'Policies: {}'].map((body) => ({
    title: `19 ${body}`,
    body,
    status: 403,
    detail: missingPolicies,
  })),
  ...['', '[]', '3', 'x'].map((value) => ({
    title: `20 policies: ${value}`,
    body: `policies: ${value}`,
    status: 403,
    detail: noDictionary,
  })),
  ...['policies: {}', '\ufeffpolicies: {}', '---\npolicies: {}\n...'].map((body) => ({
    title: `21 ${JSON.stringify(body)}`,
    body,
    status: 400,
    detail: 'no policies found in request',
  })),
  ...['null', 'x', '[1]'].map((value) => ({
    title: `22 a policy that is ${value}`,
    body: `policies: {p: ${value}}`,
    status: 403,
    detail: [rowOf('policies.p', 'model_type', 'Policy')],
  })),
  {
    title: '23 an empty policy misses both keys',
    body: 'policies: {p: {}}',
    status: 403,
    detail: [rowOf('policies.p.config', 'missing'), rowOf('policies.p.scope', 'missing')],
  },
  ...['null', '[]', 'x'].map((value) => ({
    title: `24 config ${value}`,
    body: withConfig(value),
    status: 403,
    detail: [rowOf('policies.p.config', 'model_type', 'Config')],
  })),
  {
    title: '25 no package',
    body: withConfig('{}'),
    status: 403,
    detail: [rowOf('policies.p.config.package', 'missing')],
  },
  ...['null', '5', '1.5', 'true', '[a]', '{a: 1}'].map((value) => ({
    title: `26 package ${value}`,
    body: withConfig(`{package: ${value}}`),
    status: 403,
    detail: [rowOf('policies.p.config.package', 'string_type')],
  })),
  ...['5', 'yes', '[]', '017', '1:30'].map((value) => ({
    title: `27 schedule ${value}`,
    body: withConfig(`{package: pkg, schedule: ${value}}`),
    status: 403,
    detail: [rowOf('policies.p.config.schedule', 'string_type')],
  })),
  ...[
    'abc',
    '',
    '* * * *',
    '61 * * * *',
    '0 24 * * *',
    '0 0 0 * *',
    '*/0 * * * *',
    '@reboot',
    '0 0 30 2 *',
    '2031-01-01',
    '* * * * * * * *',
  ].map((schedule) => ({
    title: `28, 29 schedule '${schedule}'`,
    body: withConfig(`{package: pkg, schedule: '${schedule}'}`),
    status: 403,
    detail: noCron('policies.p.config.schedule'),
  })),
  ...['0 0 * * 7', '5/10 * * * *', '0 0 * * 0', '0 0 13 * fri', '@daily', '*/5 0 0 1 1 *'].map(
    (schedule) => ({
      title: `29, 50 schedule '${schedule}' is read`,
      body: withConfig(`{package: pkg, schedule: '${schedule}'}`),
      status: 201,
      starts: ['p'],
    }),
  ),
  {
    title: '30 schedule null',
    body: withConfig('{package: nothing, schedule: null}'),
    status: 201,
    starts: ['p'],
  },
  {
    title: '31 no scope',
    body: 'policies: {p: {config: {package: nothing}}}',
    status: 403,
    detail: [rowOf('policies.p.scope', 'missing')],
  },
  ...['null', '0', '""', '[1]'].map((scope) => ({
    title: `31 scope ${scope}`,
    body: `policies: {p: {config: {package: nothing}, scope: ${scope}}}`,
    status: 201,
    starts: ['p'],
  })),
  ...[
    ['7', '7'],
    ['1.5', '1.5'],
  ].map(([name, shown]) => ({
    title: `32 name ${name}`,
    body: `policies: {${name}: {config: {package: nothing}, scope: {}}}`,
    status: 403,
    detail: [rowOf(`policies.${shown}.[key]`, 'string_type')],
  })),
  {
    title: '33 rows of both bad policies, in document order',
    body: 'policies: {b: {config: {}, scope: {}}, a: {scope: {}}}',
    status: 403,
    detail: [rowOf('policies.b.config.package', 'missing'), rowOf('policies.a.config', 'missing')],
  },
  {
    title: '34 a name with a dot',
    body: 'policies: {a.b: {scope: 1}}',
    status: 403,
    detail: [rowOf('policies.a.b.config', 'missing')],
  },
  {
    title: '35 unknown keys anywhere',
    body: 'x: 1\npolicies: {p: {y: 2, config: {package: nothing, z: 3}, scope: {}}}',
    status: 201,
    starts: ['p'],
  },
  {
    title: '36 of a key given twice the last wins',
    body: withConfig('{package: nope, package: nothing}'),
    status: 201,
    starts: ['p'],
  },
  {
    title: '37 anchors and merge keys',
    body: 'base: &b {package: nothing}\npolicies:\n  p: {config: *b, scope: *b}\n  q: {config: {<<: *b, k: 1}, scope: {}}',
    status: 201,
    starts: ['p', 'q'],
  },
  {
    title: '38 JSON',
    body: JSON.stringify({ policies: { p: { config: { package: 'nothing' }, scope: {} } } }),
    status: 201,
    starts: ['p'],
  },
  {
    title: '43 a line break in a package',
    body: withConfig('{package: "noth\\ning"}'),
    status: 201,
    starts: ['p'],
  },
  ...[
    'nope',
    '.x',
    '../x',
    '/etc/passwd',
    'fs',
    'node:fs',
    'data:text/javascript,export default 1',
    'http://x/y',
  ].map((name) => ({ title: `44 package ${name}`, body: withConfig(`{package: "${name}"}`), status: 400 })),
  {
    title: '46 a package from the environment',
    body: withConfig('{package: "${P}"}'),
    status: 201,
    starts: ['p'],
  },
];

describe('a document that is posted', () => {
  test.each(cases)('$title', async ({ body, status, detail, starts = [] }) => {
    const answer = await daemon.apply(body);
    expect({ status: answer.status, body: answer.text }).toMatchObject({ status });
    const reply = answer.json<{ detail: unknown }>();
    if (detail === undefined) expect(reply.detail).toBeTypeOf('string');
    else expect(reply).toEqual({ detail });
    for (const name of starts) expect((await daemon.delete(name)).status).toBe(200);
    expect((await daemon.request('/api/v1/policies')).json()).toEqual({ policies: [] });
  });

  test('15, 16 another content type is refused before the document is read', async () => {
    for (const type of ['application/json', 'text/yaml', '']) {
      const answer = await daemon.apply('policies: {', type);
      expect(answer.status).toBe(400);
      expect(answer.json()).toEqual({
        detail: "invalid Content-Type. Only 'application/x-yaml' is supported",
      });
    }
  });

  test('15 a charset or another case of the content type passes', async () => {
    for (const type of ['application/x-yaml; charset=utf-8', 'Application/X-YAML', 'application/yaml']) {
      expect((await daemon.apply('policies: {}', type)).json()).toEqual({
        detail: 'no policies found in request',
      });
    }
  });

  test('39 ten mebibytes of comment keep nobody waiting', async () => {
    const posted = daemon.apply(`policies: {}\n${'# comment\n'.repeat(1_048_576)}`);
    const asked = performance.now();
    expect((await daemon.request('/api/v1/status')).status).toBe(200);
    expect(performance.now() - asked).toBeLessThan(2_000);
    expect([400, 413]).toContain((await posted).status);
  });

  test('40, 41 any text is a name, and its DELETE finds it', async () => {
    const names = ['n'.repeat(10_000), 'ünï☃', '😀', 'a b', 'a+b', 'a%2Fb', 'a?b', "it's", 'a/b', 'a\nb'];
    for (const name of names) {
      const applied = await daemon.apply(policy(name, 'nothing'));
      expect({ name, status: applied.status }).toEqual({ name, status: 201 });
      expect({ name, status: (await daemon.delete(name)).status }).toEqual({ name, status: 200 });
    }
    expect((await daemon.apply(policy('', 'nothing'))).status).toBe(201);
  });

  test('46 the reply to an unset package variable names it', async () => {
    const answer = await daemon.apply(withConfig('{package: "${NOT_SET}"}'));
    expect(answer.status).toBe(400);
    expect(answer.json<{ detail: string }>().detail).toContain('${NOT_SET}');
  });
});
