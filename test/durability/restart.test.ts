import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { FakeDiode } from '../support/fake-diode.ts';
import { RealDaemon } from '../support/real-daemon.ts';

const backendsDir = fileURLToPath(new URL('../run/backends', import.meta.url));

let home: string;
beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), 'orb-durable-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const durable = (): string[] => ['--backends-dir', backendsDir, '--data-dir', path.join(home, 'data')];

const start = (): Promise<RealDaemon> =>
  RealDaemon.start(['--dry-run', '--dry-run-output-dir', path.join(home, 'out'), ...durable()]);

const startFor = (diode: FakeDiode, flags: readonly string[] = durable()): Promise<RealDaemon> =>
  RealDaemon.start(['--diode-target', diode.target, '-c', 'id', '-k', 'secret', ...flags]);

interface Written {
  readonly schedule?: string;
  readonly steps?: readonly (readonly unknown[])[];
  readonly run?: object;
}

const documentOf = (policies: Record<string, Written>): string =>
  JSON.stringify({
    policies: Object.fromEntries(
      Object.entries(policies).map(([name, { run = null, steps = [], ...config }]) => [
        name,
        { config: { package: 'scripted', steps, ...config }, scope: null, run },
      ]),
    ),
  });

interface RunReply {
  readonly id: string;
  readonly status: string;
  readonly reason: string;
  readonly trigger: string;
  readonly retry_of: string | null;
  readonly entity_count: number;
  readonly due_at: string;
  readonly created_at: string;
}

/** Newest first. */
const runsOf = async (daemon: RealDaemon, policy: string): Promise<readonly RunReply[]> =>
  (await daemon.request(`/api/v1/runs?policy=${policy}`)).json<{ runs: RunReply[] }>().runs;

/** Resolves with a run of the policy in this state. */
const reached = (daemon: RealDaemon, policy: string, status: string): Promise<RunReply> =>
  vi.waitUntil(async () => (await runsOf(daemon, policy)).find((run) => run.status === status), {
    timeout: 20_000,
    interval: 20,
  });

const yearly = { schedule: '0 0 1 1 *' };

describe('a daemon that was killed', () => {
  test('has its policies when it is back, and an agent applies them again without a conflict', async () => {
    const document = documentOf({ a: yearly, b: { ...yearly, run: { timezone: 'Asia/Tokyo' } } });
    await using first = await start();
    expect((await first.apply(document)).status).toBe(201);
    await first.stop('SIGKILL');
    await using second = await start();
    expect((await second.request('/readyz')).status).toBe(200);
    const { policies } = (await second.request('/api/v1/policies')).json<{ policies: { name: string }[] }>();
    expect(policies.map(({ name }) => name)).toEqual(['a', 'b']);
    expect((await second.apply(document)).status).toBe(201);
    expect((await second.apply(document)).status).toBe(409);
    expect((await second.delete('a')).status).toBe(200);
    await second.stop('SIGKILL');
    await using third = await start();
    expect((await third.request('/api/v1/policies/a')).status).toBe(404);
    expect((await third.request('/api/v1/policies/b')).json()).toMatchObject({ timezone: 'Asia/Tokyo' });
  });

  test('owes a policy without a schedule its run until one has ended', async () => {
    const gate = path.join(home, 'gate');
    await using first = await start();
    await first.apply(documentOf({ once: { steps: [['until file', gate]] }, done: {} }));
    await reached(first, 'once', 'running');
    await reached(first, 'done', 'completed');
    await first.stop('SIGKILL');
    await using second = await start();
    writeFileSync(gate, '');
    await reached(second, 'once', 'completed');
    expect((await runsOf(second, 'once')).map(({ status }) => status)).toEqual(['completed', 'lost']);
    expect((await runsOf(second, 'done')).map(({ status }) => status)).toEqual(['completed']);
    const { reason } = await reached(second, 'once', 'lost');
    expect(reason).toMatch(
      /^the daemon ended without ending this run, which was at work when it was last noted at 20/,
    );
  });

  test('runs a moment that it missed once, or says that it was skipped', async () => {
    await using first = await start();
    const dueAt = new Date(Date.now() + 4_000);
    dueAt.setUTCMilliseconds(0);
    const [hours, minutes, seconds] = [dueAt.getUTCHours(), dueAt.getUTCMinutes(), dueAt.getUTCSeconds()];
    const daily = { schedule: `${seconds} ${minutes} ${hours} * * *`, run: { timezone: 'UTC' } };
    const skips = { ...daily, run: { ...daily.run, misfire: 'skip' } };
    expect((await first.apply(documentOf({ late: daily, skips }))).status).toBe(201);
    await first.stop('SIGKILL');
    expect(Date.now()).toBeLessThan(dueAt.getTime());
    await vi.waitUntil(() => Date.now() > dueAt.getTime() + 1_000, { timeout: 6_000 });
    await using second = await start();
    expect(await reached(second, 'late', 'completed')).toMatchObject({
      trigger: 'cron',
      due_at: dueAt.toISOString(),
    });
    const { reason } = await reached(second, 'skips', 'skipped');
    expect(reason).toMatch(/^missed: due \d+s ago, while the daemon was down; misfire is skip$/);
    for (const policy of ['late', 'skips']) expect(await runsOf(second, policy)).toHaveLength(1);
  });

  test('calls the runs that were at work lost, and runs them again where their policy has retries', async () => {
    await using first = await start();
    const run = { retries: 1, retry_backoff: '100ms' };
    await first.apply(documentOf({ edge: { ...yearly, steps: [['for ever']], run } }));
    await first.request('/api/v1/policies/edge/runs', { method: 'POST' });
    const { id } = await reached(first, 'edge', 'running');
    await first.stop('SIGKILL');
    await using second = await start();
    expect(await reached(second, 'edge', 'running')).toMatchObject({ trigger: 'retry', retry_of: id });
    expect(await reached(second, 'edge', 'lost')).toMatchObject({ id });
  });

  test('delivers what waits once Diode is back, and the run ends as it would have', async () => {
    await using diode = await FakeDiode.start();
    await using first = await startFor(diode);
    await diode.stop();
    await first.apply(documentOf({ edge: { steps: [['yield', 3]] } }));
    const { id } = await reached(first, 'edge', 'delivering');
    // What was noted before this is on disk when this is.
    expect((await first.apply(documentOf({ other: yearly }))).status).toBe(201);
    await first.stop('SIGKILL');
    await using second = await startFor(diode);
    expect(await reached(second, 'edge', 'delivering')).toMatchObject({ id });
    await second.stop('SIGKILL');
    await diode.restart();
    await using third = await startFor(diode);
    expect(await reached(third, 'edge', 'completed')).toMatchObject({ id, entity_count: 3 });
    expect(diode.acknowledged).toMatchObject({ calls: 1, entities: 3 });
    expect(await runsOf(third, 'edge')).toHaveLength(1);
  });
});

describe('a daemon that is stopped while Diode is away', () => {
  test('says what waits on disk, and delivers it in its next life', async () => {
    await using diode = await FakeDiode.start();
    await using first = await startFor(diode);
    await diode.stop();
    await first.apply(documentOf({ edge: { steps: [['yield', 3]] }, busy: { steps: [['for ever']] } }));
    await reached(first, 'edge', 'delivering');
    await reached(first, 'busy', 'running');
    expect(await first.stop()).toBe(0);
    expect(first.lines.at(-1)).toMatch(/Stopped: 1 runs cancelled, 1 batches with 3 entities wait on disk$/);
    await diode.restart();
    await using second = await startFor(diode);
    expect(await reached(second, 'edge', 'completed')).toMatchObject({ entity_count: 3 });
  });

  test('says what was not delivered where nothing is kept', async () => {
    await using diode = await FakeDiode.start();
    await using daemon = await startFor(diode, ['--backends-dir', backendsDir]);
    await diode.stop();
    await daemon.apply(documentOf({ edge: { steps: [['yield', 3]] } }));
    await reached(daemon, 'edge', 'delivering');
    expect(await daemon.stop()).toBe(0);
    expect(daemon.lines.at(-1)).toMatch(/Stopped: 1 batches with 3 entities not delivered$/);
  });
});

test('a second signal ends a daemon at once, and the last line says what waits all the same', async () => {
  await using diode = await FakeDiode.start();
  diode.ingest.failAlways('hang');
  await using daemon = await startFor(diode, [...durable(), '--stop-timeout', '5m']);
  await daemon.apply(documentOf({ edge: { steps: [['yield', 3]] } }));
  await reached(daemon, 'edge', 'delivering');
  daemon.process.kill('SIGTERM');
  await daemon.line(/Stopping on SIGTERM/);
  expect(await daemon.stop('SIGINT')).toBe('SIGINT');
  await daemon.line(/^INFO: worker: Ending at once on SIGINT: 1 batches with 3 entities wait on disk$/);
});
