import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BundlesRoot } from '../support/bundles-root.ts';
import { FakeDiode } from '../support/fake-diode.ts';
import { RealDaemon } from '../support/real-daemon.ts';
import { policy } from './support.ts';

// Backends that live in their process: what they set up, hand over by themselves, and tear down.

const backends = fileURLToPath(new URL('../support/backends', import.meta.url));
const never = '0 0 1 1 *';

interface RunReply {
  readonly id: string;
  readonly policy: string;
  readonly trigger: string;
  readonly status: string;
  readonly reason: string;
  readonly entity_count: number;
  readonly backend: { readonly version: string };
}

interface Status {
  readonly policies: readonly { readonly name: string; readonly status: string; readonly reason?: string }[];
}

let folder: string;
let notes: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'orb-worker-residents-'));
  notes = path.join(folder, 'notes');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const start = (target: string, ...flags: string[]): Promise<RealDaemon> =>
  RealDaemon.start([
    '--diode-target',
    target,
    '-c',
    'id',
    '-k',
    'secret',
    '--backends-dir',
    backends,
    ...flags,
  ]);

/** A policy that listens on this port. */
const listener = (port: number, scope: object = {}): string =>
  policy('ears', 'resident', { schedule: never }, { mood: 'listens', port, notes, ...scope });

async function runs(daemon: RealDaemon): Promise<readonly RunReply[]> {
  return (await daemon.request('/api/v1/runs')).json<{ runs: RunReply[] }>().runs;
}

async function statusOf(daemon: RealDaemon, name: string): Promise<Status['policies'][number] | undefined> {
  const { policies } = (await daemon.request('/api/v1/status')).json<Status>();
  return policies.find((one) => one.name === name);
}

const noted = (): string => readFileSync(notes, { encoding: 'utf8', flag: 'a+' });

/** Processes that were set up, in order. */
const settledIn = (): number[] =>
  Array.from(noted().matchAll(/^setup \S+ (\d+)$/gm), ([, pid]) => Number(pid));

async function occupy(port: number): Promise<Server> {
  const server = createServer().listen(port, '127.0.0.1');
  await new Promise((resolve, reject) => server.once('listening', resolve).once('error', reject));
  return server;
}

const close = (server: Server): Promise<unknown> => new Promise((resolve) => server.close(resolve));

async function freePort(): Promise<number> {
  const server = await occupy(0);
  const address = server.address();
  await close(server);
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function post(port: number, body: string): Promise<string> {
  const reply = await fetch(`http://127.0.0.1:${port}`, {
    method: 'POST',
    body,
    headers: { connection: 'close' },
  });
  return await reply.text();
}

/** Waits until somebody answers on this port. */
async function postSoon(port: number, body: string): Promise<string> {
  await expect.poll(() => post(port, body).catch(() => 'nobody'), { timeout: 10_000 }).not.toBe('nobody');
  return await post(port, body);
}

describe('what a backend hands over by itself', () => {
  test('during a run is a run of its own in history, and at the receiver when its promise resolves', async () => {
    await using diode = await FakeDiode.start();
    await using daemon = await start(diode.target);
    await daemon.apply(policy('p', 'ingests', {}, { mood: 'array', names: ['a', 'b'] }));
    await expect
      .poll(async () => (await runs(daemon)).map(({ status }) => status), { timeout: 10_000 })
      .toEqual(['completed', 'completed']);
    const [ingest, run] = await runs(daemon);
    expect(ingest).toMatchObject({ policy: 'p', trigger: 'ingest', entity_count: 2, reason: '' });
    expect(run).toMatchObject({ trigger: 'once', entity_count: 1 });
    const [first, second] = diode.ingested;
    expect(first?.metadata.run_id).toBe(ingest?.id);
    expect(second?.entities).toMatchObject([{ device: { name: 'kept' } }]);
    expect((await daemon.request('/api/v1/status')).json()).toMatchObject({
      policies: [{ name: 'p', status: 'completed', runs: [{ id: run?.id }] }],
    });
  });

  test('from what setup has opened goes the same way, failures too', async () => {
    await using diode = await FakeDiode.start();
    await using daemon = await start(diode.target);
    const port = await freePort();
    expect((await daemon.apply(listener(port))).status).toBe(201);
    expect(await postSoon(port, 'a\nb')).toBe('kept');
    expect(diode.ingested[0]?.entities).toMatchObject([{ device: { name: 'a' } }, { device: { name: 'b' } }]);
    await daemon.apply(policy('fails', 'resident', { schedule: never }, { mood: 'fails' }));
    await expect
      .poll(async () => (await runs(daemon)).find((run) => run.policy === 'fails'), { timeout: 10_000 })
      .toMatchObject({ trigger: 'ingest', status: 'failed', reason: 'lost the connection', entity_count: 0 });
    await daemon.line(/backend\.resident.*trying again/);
  });

  test('is not kept before the receiver has it, where nothing is kept on disk', async () => {
    await using diode = await FakeDiode.start();
    await using daemon = await start(diode.target);
    const port = await freePort();
    await daemon.apply(listener(port));
    expect(await postSoon(port, 'before')).toBe('kept');
    diode.ingest.failAlways({ status: 14, message: 'away' });
    const later = post(port, 'later');
    await diode.received(2);
    diode.ingest.recover();
    expect(await later).toBe('kept');
  });

  test('is rejected with the words of a receiver that refuses it', async () => {
    await using diode = await FakeDiode.start();
    await using daemon = await start(diode.target);
    const port = await freePort();
    await daemon.apply(listener(port));
    expect(await postSoon(port, 'before')).toBe('kept');
    diode.ingest.failAlways({ status: 3, message: 'no such thing' });
    expect(await post(port, 'refused')).toContain('no such thing');
    expect((await runs(daemon))[0]).toMatchObject({ trigger: 'ingest', status: 'failed', entity_count: 0 });
  });

  test('is cancelled with its policy as far as it is not kept, or alone on request', async () => {
    await using diode = await FakeDiode.start();
    await using daemon = await start(diode.target);
    for (const name of ['deleted', 'asked'])
      await daemon.apply(policy(name, 'ingests', {}, { mood: 'endless' }));
    const ingests = async (): Promise<readonly RunReply[]> =>
      (await runs(daemon)).filter(({ trigger }) => trigger === 'ingest');
    const idOf = async (name: string): Promise<string> =>
      (await ingests()).find((run) => run.policy === name)?.id ?? '';
    await expect
      .poll(async () => (await ingests()).map(({ status }) => status), { timeout: 10_000 })
      .toEqual(['running', 'running']);
    const [deleted, asked] = [await idOf('deleted'), await idOf('asked')];
    expect((await daemon.delete('deleted')).status).toBe(200);
    expect((await daemon.request(`/api/v1/runs/${asked}/cancel`, { method: 'POST' })).status).toBe(202);
    for (const [id, reason] of [
      [deleted, 'the policy was deleted'],
      [asked, 'cancelled on request'],
    ]) {
      await expect
        .poll(async () => (await ingests()).find((run) => run.id === id), { timeout: 10_000 })
        .toMatchObject({ status: 'cancelled', reason: expect.stringContaining(reason ?? '') });
    }
  });

  test('is kept at once where there is a data directory, and outlives a kill', async () => {
    await using diode = await FakeDiode.start();
    const port = await freePort();
    diode.ingest.failAlways({ status: 14, message: 'away' });
    {
      await using daemon = await start(diode.target, '--data-dir', path.join(folder, 'data'));
      await daemon.apply(listener(port));
      expect(await postSoon(port, 'owed')).toBe('kept');
      await daemon.stop('SIGKILL');
    }
    diode.ingest.recover();
    await using daemon = await start(diode.target, '--data-dir', path.join(folder, 'data'));
    await expect
      .poll(
        () =>
          JSON.stringify(
            diode.requests
              .filter(({ acknowledged }) => acknowledged)
              .map(({ bytes }) => bytes.toString('latin1')),
          ),
        { timeout: 20_000 },
      )
      .toContain('owed');
    expect(await postSoon(port, 'again')).toBe('kept');
    const { runs: all } = (await daemon.request('/api/v1/runs?policy=ears')).json<{ runs: RunReply[] }>();
    expect(new Set(all.map(({ trigger }) => trigger))).toEqual(new Set(['ingest']));
  });
});

describe('a policy whose backend sets it up', () => {
  test('is torn down when it is deleted: the port is free, and nothing is taken any more', async () => {
    await using diode = await FakeDiode.start();
    await using daemon = await start(diode.target);
    const port = await freePort();
    await daemon.apply(listener(port));
    await postSoon(port, 'a');
    const before = performance.now();
    expect((await daemon.delete('ears')).status).toBe(200);
    expect(performance.now() - before).toBeLessThan(1_000);
    await close(await occupy(port));
    expect(noted()).toMatch(/\nteardown ears \d+ true\ngone ears\n$/);
  });

  test('is torn down when the daemon stops, and its last words arrive', async () => {
    await using diode = await FakeDiode.start();
    const daemon = await start(diode.target);
    const port = await freePort();
    await daemon.apply(listener(port, { teardown: 'ingests' }));
    await postSoon(port, 'a');
    expect(await daemon.stop()).toBe(0);
    expect(noted()).toMatch(/\ngone ears\n$/);
    expect(diode.ingested.at(-1)?.entities).toMatchObject([{ device: { name: 'last words' } }]);
    await daemon[Symbol.asyncDispose]();
  });

  test('is set up again in another process when its own was killed', async () => {
    await using diode = await FakeDiode.start();
    await using daemon = await start(diode.target);
    const port = await freePort();
    await daemon.apply(listener(port));
    await postSoon(port, 'a');
    const [first = 0] = settledIn();
    process.kill(first, 'SIGKILL');
    expect(await postSoon(port, 'b')).toBe('kept');
    const [, second] = settledIn();
    expect(second).not.toBe(first);
    const started = await daemon.request('/api/v1/policies/ears/runs', { method: 'POST' });
    const { id } = started.json<{ id: string }>();
    await expect
      .poll(() => JSON.stringify(diode.ingested.find(({ metadata }) => metadata.run_id === id)?.entities), {
        timeout: 10_000,
      })
      .toContain(`by ${second}`);
  });

  test('is failed as long as its setup throws, and tried again', async () => {
    await using diode = await FakeDiode.start();
    await using daemon = await start(diode.target);
    const port = await freePort();
    const squatter = await occupy(port);
    expect((await daemon.apply(listener(port))).status).toBe(201);
    await daemon.line(/ERROR: .*Policy ears: setup failed: listen EADDRINUSE.*; tried again in 1 s/);
    expect(await statusOf(daemon, 'ears')).toMatchObject({
      status: 'failed',
      reason: expect.stringContaining('EADDRINUSE'),
    });
    const refused = await daemon.request('/api/v1/policies/ears/runs', { method: 'POST' });
    const { id } = refused.json<{ id: string }>();
    await expect
      .poll(async () => (await runs(daemon)).find((run) => run.id === id), { timeout: 10_000 })
      .toMatchObject({ status: 'failed', reason: expect.stringContaining('EADDRINUSE') });
    await close(squatter);
    expect(await postSoon(port, 'a')).toBe('kept');
    expect(await statusOf(daemon, 'ears')).not.toHaveProperty('reason');
  });

  test("whose setup hangs or spins is in nobody's way", async () => {
    await using diode = await FakeDiode.start();
    await using daemon = await start(diode.target);
    for (const mood of ['hangs', 'spins']) {
      expect((await daemon.apply(policy(mood, 'resident', { schedule: never }, { mood }))).status).toBe(201);
    }
    expect((await daemon.apply(policy('other', 'ingests', {}, { mood: 'array', names: ['a'] }))).status).toBe(
      201,
    );
    await diode.received(2);
    for (const mood of ['hangs', 'spins']) {
      const before = performance.now();
      expect((await daemon.delete(mood)).status).toBe(200);
      expect(performance.now() - before).toBeLessThan(1_000);
    }
  });

  test('makes room for the one that takes its place', async () => {
    await using diode = await FakeDiode.start();
    await using daemon = await start(diode.target);
    const port = await freePort();
    await daemon.apply(listener(port));
    await postSoon(port, 'a');
    const replaced = await daemon.request('/api/v1/policies/ears', {
      method: 'PUT',
      body: listener(port, { other: true }),
      headers: { 'content-type': 'application/x-yaml' },
    });
    expect(replaced.status, replaced.text).toBe(200);
    expect(await postSoon(port, 'b')).toBe('kept');
    expect(noted()).toMatch(/^setup.*\nteardown.*\ngone ears\nsetup.*\n$/);
    expect(await statusOf(daemon, 'ears')).toMatchObject({ status: 'completed' });
  });

  test('moves to the version that its bundle leads to', async () => {
    using bundles = new BundlesRoot();
    const source = readFileSync(path.join(backends, 'resident', 'index.js'), 'utf8');
    bundles.add('ears-of-ours', '1.0.0', source);
    bundles.add('ears-of-ours', '2.0.0', source.replace('`setup ', '`setup of 2: '));
    bundles.point('ears-of-ours', '1.0.0');
    await using diode = await FakeDiode.start();
    await using daemon = await start(diode.target, '--bundles-root', bundles.path);
    const port = await freePort();
    const scope = { mood: 'listens', port, notes };
    await daemon.apply(policy('ears', 'ears-of-ours', { schedule: never }, scope));
    await postSoon(port, 'a');
    bundles.point('ears-of-ours', '2.0.0');
    const started = await daemon.request('/api/v1/policies/ears/runs', { method: 'POST' });
    const { id } = started.json<{ id: string }>();
    await expect
      .poll(async () => (await runs(daemon)).find((run) => run.id === id), { timeout: 10_000 })
      .toMatchObject({ status: 'completed', backend: { version: '2.0.0' } });
    expect(noted()).toMatch(/^setup ears.*\nteardown.*\ngone ears\nsetup of 2: ears.*\n$/);
    expect(await postSoon(port, 'b')).toBe('kept');
    expect((await runs(daemon))[0]).toMatchObject({ trigger: 'ingest', backend: { version: '2.0.0' } });
  });
});
