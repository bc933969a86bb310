import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RealDaemon } from '../support/real-daemon.ts';
import { backendsDir, dryRunFlags, policy } from './support.ts';

// Cases 1 to 14 and 42 to 55 of the sheet: what becomes of applied policies.

interface StatusRun {
  id: string;
  status: string;
  reason: string;
  entity_count: number;
  created_at: number;
  metadata: Record<string, string>;
}

interface Status {
  version: string;
  up_time_seconds: number;
  start_time: string;
  policies: { name: string; status: string; runs: StatusRun[] }[];
}

interface DryRunFile {
  id: string;
  metadata: { run_id: string; policy_name: string; worker_backend: string };
  entities: { device: { name: string; comments?: string; metadata: { run_id: string } } }[];
}

let daemon: RealDaemon;
let outputDir: string;
beforeAll(async () => {
  outputDir = mkdtempSync(path.join(tmpdir(), 'orb-worker-'));
  daemon = await RealDaemon.start([...dryRunFlags(outputDir), '--diode-app-name-prefix', 'a b'], {
    env: { A: '1', EMPTY: '' },
  });
});
afterAll(() => daemon[Symbol.asyncDispose]());

const statusOf = async (name: string) => {
  const status = (await daemon.request('/api/v1/status')).json<Status>();
  return status.policies.find((entry) => entry.name === name);
};

/** Applies a policy that runs once and resolves when its run has ended. */
async function runOnce(
  name: string,
  packageName: string,
  config: object = {},
  scope: unknown = {},
): Promise<void> {
  expect((await daemon.apply(policy(name, packageName, config, scope))).status).toBe(201);
  await daemon.line(new RegExp(`Policy ${name}: (Successfully|.*no entities|the switch)`));
}

const filesOf = (policyName: string): DryRunFile[] =>
  readdirSync(outputDir)
    .map((file) => JSON.parse(readFileSync(path.join(outputDir, file), 'utf8')) as DryRunFile)
    .filter((file) => file.metadata.policy_name === policyName);

/** What the backend `pkg` was given, as it wrote it into its first device. */
const givenTo = (policyName: string) =>
  JSON.parse(filesOf(policyName)[0]?.entities[0]?.device.comments ?? 'null') as {
    config: Record<string, unknown>;
    scope: unknown;
    policyName: string;
  };

describe('applied policies', () => {
  test('1 status tells version and whole seconds of up time', async () => {
    const status = (await daemon.request('/api/v1/status')).json<Status>();
    expect(status.version).toMatch(/^\d+\.\d+\.\d+/);
    expect(Number.isInteger(status.up_time_seconds)).toBe(true);
    expect(new Date(status.start_time).getTime()).toBeLessThanOrEqual(Date.now());
  });

  test('3 capabilities name packages from the first policy on, and keep them', async () => {
    await using fresh = await RealDaemon.start(dryRunFlags());
    const loaded = async () => (await fresh.request('/api/v1/capabilities')).json();
    expect(await loaded()).toEqual({ loaded_modules: [] });
    await fresh.apply(policy('p', 'pkg'));
    expect(await loaded()).toEqual({ loaded_modules: ['pkg'] });
    await fresh.delete('p');
    expect(await loaded()).toEqual({ loaded_modules: ['pkg'] });
  });

  test('9, 10 the reply names what was started, as a Python list', async () => {
    const one = await daemon.apply(policy('solo', 'nothing'));
    expect([one.status, one.json()]).toEqual([201, { detail: "policy 'solo' was started" }]);
    const entry = { config: { package: 'nothing' }, scope: {} };
    const two = await daemon.apply(JSON.stringify({ policies: { "x'y": entry, z: entry } }));
    expect(two.json()).toEqual({ detail: `policies ["x'y", 'z'] were started` });
  });

  test('11 of six POSTs of one name at once one wins', async () => {
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => daemon.apply(policy('raced', 'nothing'))),
    );
    expect(answers.map((answer) => answer.status).sort()).toEqual([201, 409, 409, 409, 409, 409]);
    expect(answers.find((answer) => answer.status === 409)?.json()).toEqual({
      detail: "policy 'raced' already exists",
    });
  });

  test('12 a name that exists refuses its whole document', async () => {
    await daemon.apply(policy('there', 'nothing'));
    const entry = { config: { package: 'nothing' }, scope: {} };
    const answer = await daemon.apply(
      JSON.stringify({ policies: { new1: entry, there: entry, new2: entry } }),
    );
    expect(answer.status).toBe(409);
    expect((await daemon.delete('new1')).status).toBe(404);
    expect((await daemon.delete('new2')).status).toBe(404);
  });

  test('13 a package that is not there refuses its whole document', async () => {
    const answer = await daemon.apply(
      JSON.stringify({
        policies: {
          good: { config: { package: 'nothing' }, scope: {} },
          bad: { config: { package: 'not-installed' }, scope: {} },
        },
      }),
    );
    expect(answer.status).toBe(400);
    expect(answer.json<{ detail: string }>().detail).toContain("'not-installed'");
    expect((await daemon.delete('good')).status).toBe(404);
  });

  test.each([
    ['no-backend', 'no-backend'],
    ['bad-describe', 'no licence found'],
  ])('a package that offers no usable backend (%s) is refused with what was wrong', async (name, text) => {
    const answer = await daemon.apply(policy('p', name));
    expect(answer.status).toBe(400);
    expect(answer.json<{ detail: string }>().detail).toContain(text);
    expect((await daemon.delete('p')).status).toBe(404);
  });

  test('14 a policy is deleted once, during its run too, and its name is free again', async () => {
    await daemon.apply(policy('gone', 'slow'));
    await expect.poll(async () => (await statusOf('gone'))?.status, { timeout: 10_000 }).toBe('running');
    const asked = performance.now();
    const deleted = await daemon.delete('gone');
    expect(performance.now() - asked).toBeLessThan(1_000);
    expect(deleted.json()).toEqual({ detail: "policy 'gone' was deleted" });
    const again = await daemon.delete('gone');
    expect([again.status, again.json()]).toEqual([404, { detail: "policy 'gone' not found" }]);
    expect((await daemon.apply(policy('gone', 'nothing'))).status).toBe(201);
  });

  test('2, 48 a policy without a schedule runs once, about a second after its 201', async () => {
    const applied = Date.now();
    await runOnce('once', 'pkg');
    const status = await statusOf('once');
    expect(status?.status).toBe('completed');
    expect(status?.runs).toHaveLength(1);
    const delayMs = Number(status?.runs[0]?.created_at) / 1e6 - applied;
    expect(delayMs).toBeGreaterThan(800);
    expect(delayMs).toBeLessThan(2_500);
    expect(status?.runs[0]).toMatchObject({ entity_count: 2, reason: '', status: 'completed' });
    expect(status?.runs[0]?.metadata).toMatchObject({ name: 'pkg', app_name: 'n/1', app_version: '1.2.3' });
  });

  test('status writes nanoseconds as bare integers', async () => {
    await runOnce('nanoseconds', 'pkg');
    const { text } = await daemon.request('/api/v1/status');
    expect(text).toMatch(/"created_at":1\d{18}[,}]/);
    expect(text).toMatch(/"updated_at":1\d{18}[,}]/);
  });

  test('42 a run sees its name without line breaks', async () => {
    await daemon.apply(policy('line\nbreak', 'pkg'));
    await expect.poll(() => filesOf('linebreak').length, { timeout: 10_000 }).toBe(1);
    expect(givenTo('linebreak').policyName).toBe('linebreak');
  });

  test('45 whole values are expanded, parts of values and keys are not', async () => {
    const scope = [{ k: '${A}' }, 'x${A}', '${A}${A}', '${NO}', '${}', { '${A}': '${EMPTY}' }, ' ${A}'];
    await runOnce('expanded', 'pkg', {}, scope);
    const expected = [{ k: '1' }, 'x${A}', '${A}${A}', '${NO}', '${}', { '${A}': '' }, ' ${A}'];
    expect(givenTo('expanded').scope).toEqual(expected);
    const shown = (await daemon.request('/api/v1/policies/expanded')).json<{ scope: unknown }>();
    expect(shown.scope).toEqual(scope);
  });

  test('47 scalars are read as YAML 1.1 reads them', async () => {
    const document =
      'policies: {scalars: {config: {package: pkg}, scope: {a: 017, b: yes, c: 1_000, d: 0x1f, e: 1e3, f: "017"}}}';
    expect((await daemon.apply(document)).status).toBe(201);
    await daemon.line(/Policy scalars: Successfully/);
    expect(givenTo('scalars').scope).toEqual({ a: 15, b: true, c: 1000, d: 31, e: '1e3', f: '017' });
  });

  test('51 a run without entities completes and sends nothing; one that throws says why', async () => {
    await daemon.apply(policy('empty', 'nothing'));
    await daemon.apply(policy('broken', 'throws'));
    await expect.poll(async () => (await statusOf('empty'))?.status, { timeout: 10_000 }).toBe('completed');
    await expect.poll(async () => (await statusOf('broken'))?.status, { timeout: 10_000 }).toBe('failed');
    expect(filesOf('empty')).toEqual([]);
    expect((await statusOf('broken'))?.runs[0]?.reason).toContain('the switch did not answer');
    await daemon.line(/^ERROR: .*Policy broken: .*the switch did not answer/);
  });

  test('53, 55 a dry run writes a file a batch, named by app and time', async () => {
    await runOnce('filed', 'pkg');
    await runOnce('other', 'pkg');
    expect(readdirSync(outputDir).every((file) => /^a_b_n_1_\d+\.json$/.test(file))).toBe(true);
    const [first, second] = [filesOf('filed'), filesOf('other')];
    expect(first).toHaveLength(1);
    expect(second).toHaveLength(1);
    expect(first[0]?.id).not.toBe(second[0]?.id);
    expect(first[0]?.metadata.run_id).not.toBe(second[0]?.metadata.run_id);
    for (const { device } of first[0]?.entities ?? []) {
      expect(device.metadata.run_id).toBe(first[0]?.metadata.run_id);
    }
    expect(Object.keys(first[0] ?? {})).toEqual([
      'stream',
      'entities',
      'id',
      'producer_app_name',
      'sdk_name',
      'sdk_version',
      'metadata',
    ]);
  });

  test('54 a dry run without a folder writes JSON to stdout', async () => {
    await using printing = await RealDaemon.start(['--dry-run', '--backends-dir', backendsDir]);
    await printing.apply(policy('printed', 'pkg'));
    await printing.line(/Policy printed: Successfully ingested 2 entities/);
    const printed = JSON.parse(printing.stdout) as DryRunFile;
    expect(printed.entities.map((entity) => entity.device.name)).toEqual(['one', 'two']);
  });

  test('a stop leaves no process behind, even when a backend ignores it', async () => {
    const stubborn = await RealDaemon.start(dryRunFlags());
    await stubborn.apply(policy('stubborn', 'slow'));
    await expect
      .poll(async () => (await stubborn.request('/api/v1/status')).text, { timeout: 10_000 })
      .toContain('"running"');
    const asked = performance.now();
    await stubborn[Symbol.asyncDispose]();
    expect(performance.now() - asked).toBeLessThan(3_000);
    await stubborn.line(/^INFO: worker\.policy\.manager: Stopping policy 'stubborn'/);
  });
});
