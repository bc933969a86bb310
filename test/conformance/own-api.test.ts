import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { PackageFolder } from '../backend/rig.ts';
import { FakeDiode } from '../support/fake-diode.ts';
import { type Answer, descendantsOf, RealDaemon } from '../support/real-daemon.ts';
import { dryRunFlags } from './support.ts';

// What the API has beyond the Python worker's, over the built program.

interface Run {
  readonly id: string;
  readonly policy: string;
  readonly status: string;
  readonly reason: string;
  readonly trigger: string;
  readonly entity_count: number;
  readonly log: { lines: { level: string; message: string }[]; dropped: number };
  readonly process: { cpu_ms: number; peak_memory_bytes: number; shared: boolean } | null;
}

const WAITS = `
  import { existsSync } from 'node:fs';
  import { setTimeout as pause } from 'node:timers/promises';
`;

/** Its runs yield a device, write a line, and wait for the file that the scope names; null: they do not wait. */
const GATED = `${WAITS}
  export default {
    describe: () => ({ name: 'gated', app_name: 'gated', app_version: '1' }),
    async *run({ scope, config }, { log, signal }) {
      yield { device: { name: config.device ?? 'r1' } };
      log.info('yielded one');
      while (scope !== null && !signal.aborted && !existsSync(scope)) await pause(5);
    },
  };`;

/** Cannot be imported before the file GATE is there. */
const HANGING = `${WAITS}
  while (!existsSync(process.env.GATE)) await pause(5);
  export default { describe: () => ({ name: 'h', app_name: 'h', app_version: '1' }), run: () => [] };`;

const home = mkdtempSync(path.join(tmpdir(), 'own-api-'));
const importGate = path.join(home, 'import');
let packages: PackageFolder;

beforeAll(async () => {
  packages = await PackageFolder.create();
  await packages.add('gated', { 'index.js': GATED });
  await packages.add('hanging', { 'index.js': HANGING });
});
afterAll(async () => {
  await packages[Symbol.asyncDispose]();
  rmSync(home, { recursive: true });
});

const start = (flags = dryRunFlags()) =>
  RealDaemon.start([...flags, '--backends-dir', packages.path], { env: { GATE: importGate } });

const yaml = { 'content-type': 'application/x-yaml' };

const put = (daemon: RealDaemon, name: string, policy: unknown, query = ''): Promise<Answer> =>
  daemon.request(`/api/v1/policies/${name}${query}`, {
    method: 'PUT',
    headers: yaml,
    body: JSON.stringify(policy),
  });

const post = (daemon: RealDaemon, route: string): Promise<Answer> =>
  daemon.request(route, { method: 'POST' });

const runOf = async (daemon: RealDaemon, id: string): Promise<Run> =>
  (await daemon.request(`/api/v1/runs/${id}`)).json<Run>();

/** Resolves when the run is in this state. */
async function reaches(daemon: RealDaemon, id: string, status: string): Promise<Run> {
  const isThere = async (): Promise<boolean> => (await runOf(daemon, id)).status === status;
  await vi.waitUntil(isThere, { interval: 10, timeout: 10_000 });
  return await runOf(daemon, id);
}

const gated = (scope: string | null, config: object = {}) => ({
  config: { package: 'gated', schedule: '0 3 * * *', ...config },
  scope,
});

async function submit(daemon: RealDaemon, name: string): Promise<string> {
  const answer = await post(daemon, `/api/v1/policies/${name}/runs`);
  expect(answer.status, answer.text).toBe(202);
  return answer.json<Run>().id;
}

/** The process of the backend of this name. */
function childWith(daemon: RealDaemon, packageName: string): number {
  const isIts = (pid: number): boolean =>
    readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith(`orb-worker backend ${packageName}`);
  const pid = descendantsOf(daemon.process.pid ?? 0).find(isIts);
  if (pid === undefined) throw new Error(`no process has loaded ${packageName}`);
  return pid;
}

describe('a policy over its life', () => {
  test('is looked at, put, put again, run, replaced and deleted', async () => {
    await using daemon = await start();
    const body = JSON.stringify({ policies: { edge: gated(null) } });
    const looked = await daemon.request('/api/v1/policies/validate', { method: 'POST', headers: yaml, body });
    expect(looked.json()).toMatchObject({ policies: [{ name: 'edge', warnings: [] }] });
    expect((await daemon.request('/api/v1/policies/edge')).status).toBe(404);

    const answers = [
      await put(daemon, 'edge', gated(null)),
      await put(daemon, 'edge', gated(null)),
      await put(daemon, 'edge', gated(null, { device: 'r2' })),
    ];
    expect(answers.map(({ status, text }) => [status, text])).toEqual([
      [201, '{"detail":"policy \'edge\' was started"}'],
      [200, '{"detail":"policy \'edge\' is unchanged"}'],
      [200, '{"detail":"policy \'edge\' was replaced"}'],
    ]);

    const run = await reaches(daemon, await submit(daemon, 'edge'), 'completed');
    expect(run).toMatchObject({ policy: 'edge', trigger: 'submit', entity_count: 1 });
    expect(run.log).toMatchObject({ lines: [{ level: 'info', message: 'yielded one' }], dropped: 0 });
    expect(run.process?.peak_memory_bytes).toBeGreaterThan(2 ** 20);
    expect((await post(daemon, `/api/v1/runs/${run.id}/cancel`)).status).toBe(409);
    expect((await daemon.delete('edge')).status).toBe(200);
    expect((await post(daemon, '/api/v1/policies/edge/runs')).status).toBe(404);
  });

  test('a run under way is left to end by a PUT, and cancelled by ?cancel=true', async () => {
    await using daemon = await start();
    const gate = path.join(home, 'put');
    await put(daemon, 'edge', gated(gate));
    const first = await submit(daemon, 'edge');
    await reaches(daemon, first, 'running');
    expect((await put(daemon, 'edge', gated(gate, { key: 1 }))).status).toBe(200);
    expect((await post(daemon, '/api/v1/policies/edge/runs')).status).toBe(409);
    expect((await runOf(daemon, first)).status).toBe('running');
    expect((await put(daemon, 'edge', gated(gate, { key: 2 }), '?cancel=true')).status).toBe(200);
    expect(await reaches(daemon, first, 'cancelled')).toMatchObject({ reason: 'the policy was replaced' });
    const { policies } = (await daemon.request('/api/v1/status')).json<{
      policies: { name: string; runs: { id: string }[] }[];
    }>();
    expect(policies).toMatchObject([{ name: 'edge', runs: [{ id: first }] }]);
  });

  test('what names another policy, or is refused otherwise, leaves the old one', async () => {
    await using daemon = await start();
    await put(daemon, 'edge', gated(null));
    const refused = [
      [await put(daemon, 'edge', { policies: { core: gated(null) } }), 400],
      [await put(daemon, 'edge', { name: 'core', ...gated(null) }), 400],
      [await put(daemon, 'edge', gated(null), '?cancel=maybe'), 400],
      [await put(daemon, 'edge', gated(null, { package: 'nowhere' })), 400],
      [await put(daemon, 'edge', { config: { package: 'gated' } }), 403],
    ] as const;
    for (const [answer, status] of refused) expect(answer.status, answer.text).toBe(status);
    expect(refused[4][0].json()).toEqual({
      detail: [{ field: 'policies.edge.scope', type: 'missing', error: 'Field required' }],
    });
    await reaches(daemon, await submit(daemon, 'edge'), 'completed');
  });

  test('while its next package hangs in its import it runs, and may be deleted', async () => {
    await using daemon = await start();
    await put(daemon, 'edge', gated(null));
    const replaced = put(daemon, 'edge', { config: { package: 'hanging' }, scope: null });
    await reaches(daemon, await submit(daemon, 'edge'), 'completed');
    expect((await daemon.delete('edge')).status).toBe(200);
    expect((await daemon.apply(JSON.stringify({ policies: { edge: gated(null) } }))).status).toBe(409);
    writeFileSync(importGate, '');
    expect((await replaced).status).toBe(201);
    rmSync(importGate);
  });
});

describe('a run is cancelled', () => {
  test('at work, with what it has written so far', async () => {
    await using daemon = await start();
    await put(daemon, 'edge', gated(path.join(home, 'never')));
    const id = await submit(daemon, 'edge');
    const log = async () => (await daemon.request(`/api/v1/runs/${id}/log`)).json<Run['log']>();
    await vi.waitUntil(async () => (await log()).lines.length > 0, { interval: 10, timeout: 10_000 });
    expect((await runOf(daemon, id)).status).toBe('running');
    const answer = await post(daemon, `/api/v1/runs/${id}/cancel`);
    expect([answer.status, answer.json<Run>().id]).toEqual([202, id]);
    const run = await reaches(daemon, id, 'cancelled');
    expect(run).toMatchObject({
      reason: 'cancelled on request',
      log: { lines: [{ message: 'yielded one' }] },
    });
  });

  test('while Diode is away, and says what was not delivered', async () => {
    await using diode = await FakeDiode.start();
    diode.otlp.failAlways({ status: 14, message: 'away' });
    await using daemon = await start(['--diode-target', diode.target]);
    await put(daemon, 'edge', gated(null));
    const id = await submit(daemon, 'edge');
    await reaches(daemon, id, 'delivering');
    expect((await post(daemon, `/api/v1/runs/${id}/cancel`)).status).toBe(202);
    expect(await reaches(daemon, id, 'cancelled')).toMatchObject({
      reason: 'cancelled on request; not delivered: 1 batches with 1 entities',
    });
  });

  test('while its child still imports the package', async () => {
    await using daemon = await start();
    writeFileSync(importGate, '');
    await put(daemon, 'edge', { config: { package: 'hanging', schedule: '0 3 * * *' }, scope: null });
    rmSync(importGate);
    // The child that has the package goes: the next run needs one that imports it again.
    const child = childWith(daemon, 'hanging');
    process.kill(child, 'SIGKILL');
    // The daemon knows of its end when nothing is left of it.
    await vi.waitUntil(() => !existsSync(`/proc/${child}`), { timeout: 15_000, interval: 5 });
    const id = await submit(daemon, 'edge');
    expect((await post(daemon, `/api/v1/runs/${id}/cancel`)).status).toBe(202);
    expect(await reaches(daemon, id, 'cancelled')).toMatchObject({ reason: 'cancelled on request' });
  });
});

test('nothing new begins while the daemon stops', async () => {
  await using daemon = await start([...dryRunFlags(), '--stop-timeout', '4s']);
  // Its runs take no notice of the stop, which waits for them for a while.
  await put(daemon, 'edge', gated(null, { package: 'slow' }));
  await reaches(daemon, await submit(daemon, 'edge'), 'running');
  const stopped = daemon.stop();
  await daemon.line(/Stopping policy 'edge'/);
  for (const answer of [
    await post(daemon, '/api/v1/policies/edge/runs'),
    await put(daemon, 'other', gated(null)),
    await daemon.request('/api/v1/policies/validate', { method: 'POST', headers: yaml, body: '{}' }),
  ]) {
    expect([answer.status, answer.json()]).toEqual([503, { detail: 'the daemon is stopping' }]);
  }
  expect(await stopped).toBe(0);
});
