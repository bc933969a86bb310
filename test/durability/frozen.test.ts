import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test, vi } from 'vitest';
import { FakeDiode } from '../support/fake-diode.ts';
import { descendantsOf, RealDaemon } from '../support/real-daemon.ts';

const backends = fileURLToPath(new URL('../torture/backends', import.meta.url));
const FROZEN_MS = 7_000;
const PATIENCE = { timeout: 20_000, interval: 50 };
const NEVER = '0 0 29 2 *';

interface RunReply {
  readonly id: string;
  readonly policy: string;
  readonly status: string;
  readonly due_at: string;
  readonly entity_count: number;
  readonly retry_of: string | null;
}

test('a daemon that stood still for a while goes on where it was: nothing is lost, nothing runs twice', async () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'orb-worker-frozen-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  await using diode = await FakeDiode.start();
  await using daemon = await RealDaemon.start([
    ...['--diode-target', diode.target, '-c', 'id', '-k', 'secret'],
    ...['--backends-dir', backends, '--data-dir', path.join(directory, 'data')],
  ]);
  const runs = async (name: string): Promise<readonly RunReply[]> =>
    (await daemon.request(`/api/v1/runs?policy=${name}&limit=1000`)).json<{ runs: RunReply[] }>().runs;
  const completed = async (name: string): Promise<number> =>
    (await runs(name)).filter(({ status }) => status === 'completed').length;
  const scope = { journal: path.join(directory, 'journal'), count: 3 };
  const slow = { ...scope, count: 40, pauseEvery: 1, pauseMs: 100 };
  const policies = {
    often: { config: { package: 'numbered', schedule: '* * * * * *' }, scope },
    slow: { config: { package: 'numbered', schedule: NEVER }, scope: slow },
  };
  expect((await daemon.apply(JSON.stringify({ policies }))).status).toBe(201);
  await vi.waitUntil(async () => (await completed('often')) > 0, PATIENCE);
  expect((await daemon.request('/api/v1/policies/slow/runs', { method: 'POST' })).status).toBe(202);
  await vi.waitUntil(async () => (await runs('slow'))[0]?.status === 'running', PATIENCE);
  // Calls are under way that nobody answers.
  diode.ingest.fail('hang', 2);
  const pids = descendantsOf(daemon.process.pid ?? 0);

  daemon.process.kill('SIGSTOP');
  await pause(FROZEN_MS);
  daemon.process.kill('SIGCONT');
  const before = await completed('often');
  diode.ingest.recover();
  diode.disconnect();

  await vi.waitUntil(async () => (await completed('often')) > before + 2, PATIENCE);
  await vi.waitUntil(async () => (await completed('slow')) === 1, PATIENCE);
  expect((await daemon.delete('often')).status).toBe(200);
  await vi.waitUntil(
    async () => (await daemon.request('/api/v1/status')).text.includes('"waiting_batches":0'),
    PATIENCE,
  );
  const often = await runs('often');
  expect(new Set(often.map(({ due_at: dueAt }) => dueAt)).size).toBe(often.length);
  expect(often.filter(({ retry_of: retryOf }) => retryOf !== null)).toEqual([]);
  expect((await runs('slow')).map(({ entity_count: count }) => count)).toEqual([slow.count]);
  expect(descendantsOf(daemon.process.pid ?? 0)).toEqual(expect.arrayContaining(pids));
  const names = diode.entities.map(({ device }) => (device as { name: string }).name);
  expect(new Set(names).size).toBe(names.length);
  const expected = often.reduce((sum, { entity_count: count }) => sum + count, slow.count);
  expect(names.length).toBe(expected);
}, 60_000);
