import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { BundlesRoot } from '../support/bundles-root.ts';
import { FakeDiode } from '../support/fake-diode.ts';
import type { RealDaemon } from '../support/real-daemon.ts';
import { backends, close, freePort, Notes, never, occupy, postSoon, runs, start } from './residents.ts';
import { policy } from './support.ts';

interface Status {
  readonly policies: readonly { readonly name: string; readonly status: string; readonly reason?: string }[];
}

const notes = Notes.ofEachTest();

async function statusOf(daemon: RealDaemon, name: string): Promise<Status['policies'][number] | undefined> {
  const { policies } = (await daemon.request('/api/v1/status')).json<Status>();
  return policies.find((one) => one.name === name);
}

/** Processes that were set up, in order. */
const settledIn = (): number[] =>
  Array.from(notes.read().matchAll(/^setup \S+ (\d+)$/gm), ([, pid]) => Number(pid));

describe('a policy whose backend sets it up', () => {
  test('is torn down when it is deleted: the port is free, and nothing is taken any more', async () => {
    await using diode = await FakeDiode.start();
    await using daemon = await start(diode.target);
    const port = await freePort();
    await daemon.apply(notes.listener(port));
    await postSoon(port, 'a');
    const before = performance.now();
    expect((await daemon.delete('ears')).status).toBe(200);
    expect(performance.now() - before).toBeLessThan(1_000);
    await close(await occupy(port));
    expect(notes.read()).toMatch(/\nteardown ears \d+ true\ngone ears\n$/);
  });

  test('is torn down when the daemon stops, and its last words arrive', async () => {
    await using diode = await FakeDiode.start();
    const daemon = await start(diode.target);
    const port = await freePort();
    await daemon.apply(notes.listener(port, { teardown: 'ingests' }));
    await postSoon(port, 'a');
    expect(await daemon.stop()).toBe(0);
    expect(notes.read()).toMatch(/\ngone ears\n$/);
    expect(diode.ingested.at(-1)?.entities).toMatchObject([{ device: { name: 'last words' } }]);
    await daemon[Symbol.asyncDispose]();
  });

  test('is set up again in another process when its own was killed', async () => {
    await using diode = await FakeDiode.start();
    await using daemon = await start(diode.target);
    const port = await freePort();
    await daemon.apply(notes.listener(port));
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
    expect((await daemon.apply(notes.listener(port))).status).toBe(201);
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
    await daemon.apply(notes.listener(port));
    await postSoon(port, 'a');
    const replaced = await daemon.request('/api/v1/policies/ears', {
      method: 'PUT',
      body: notes.listener(port, { other: true }),
      headers: { 'content-type': 'application/x-yaml' },
    });
    expect(replaced.status, replaced.text).toBe(200);
    expect(await postSoon(port, 'b')).toBe('kept');
    expect(notes.read()).toMatch(/^setup.*\nteardown.*\ngone ears\nsetup.*\n$/);
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
    const scope = { mood: 'listens', port, notes: notes.file };
    await daemon.apply(policy('ears', 'ears-of-ours', { schedule: never }, scope));
    await postSoon(port, 'a');
    bundles.point('ears-of-ours', '2.0.0');
    const started = await daemon.request('/api/v1/policies/ears/runs', { method: 'POST' });
    const { id } = started.json<{ id: string }>();
    await expect
      .poll(async () => (await runs(daemon)).find((run) => run.id === id), { timeout: 10_000 })
      .toMatchObject({ status: 'completed', backend: { version: '2.0.0' } });
    expect(notes.read()).toMatch(/^setup ears.*\nteardown.*\ngone ears\nsetup of 2: ears.*\n$/);
    expect(await postSoon(port, 'b')).toBe('kept');
    expect((await runs(daemon))[0]).toMatchObject({ trigger: 'ingest', backend: { version: '2.0.0' } });
  });
});
