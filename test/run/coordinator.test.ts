import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { BackendHost } from '../../src/backend/host.ts';
import { SinkError } from '../../src/sink/contract.ts';
import { openWarmHost, Runs } from './support.ts';

let host: BackendHost;

beforeAll(async () => {
  host = await openWarmHost();
});

afterAll(() => host.stop());

describe('the states of a run', () => {
  test('it is opened, started, delivered and completed, and says of what and when it was', async () => {
    await using runs = new Runs({ host });
    const policy = await runs.policy('edge', [['yield', 2]]);
    const run = await runs.finished(runs.fire(policy, 1_234));
    expect(run).toMatchObject({
      sequence: 1,
      policy: 'edge',
      trigger: 'cron',
      retryOf: undefined,
      backend: {
        package: 'scripted',
        version: '1.2.3',
        name: 'scripted backend',
        appName: 'app',
        appVersion: '7',
      },
      dueAt: 1_234,
      status: 'completed',
      reason: '',
      entityCount: 2,
      batches: 1,
      bytes: runs.sink.acknowledged[0]?.bytes.length,
    });
    expect(run.id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(run.startedAt).toBeGreaterThanOrEqual(run.createdAt);
    expect(run.finishedAt).toBeGreaterThanOrEqual(run.startedAt ?? Number.NaN);
    expect(runs.eventsOf(run)).toEqual(['run:opened', 'run:started', 'batch:delivered', 'run:finished']);
    expect(runs.sink.acknowledged[0]?.run).toEqual({
      runId: run.id,
      policyName: 'edge',
      backend: 'scripted backend',
      appName: 'app',
      appVersion: '7',
    });
  });

  test('without entities it is completed and sends nothing', async () => {
    await using runs = new Runs({ host });
    const run = await runs.finished(runs.fire(await runs.policy('edge', [])));
    expect(run).toMatchObject({ status: 'completed', entityCount: 0, batches: 0 });
    expect(runs.sink.acknowledged).toEqual([]);
  });

  test('until its batches are acknowledged it is delivering', async () => {
    await using runs = new Runs({ host });
    runs.sink.hold();
    const run = runs.fire(await runs.policy('edge', [['yield', 2]]));
    expect((await runs.reaches(run, 'delivering')).status).toBe('delivering');
    expect(run.entityCount).toBe(0);
    runs.sink.release();
    expect(await runs.finished(run)).toMatchObject({ status: 'completed', entityCount: 2 });
  });

  test('what was delivered before a throw stays, the open batch is dropped', async () => {
    await using runs = new Runs({ host });
    const gate = runs.gate();
    const policy = await runs.policy('edge', [
      ['yield', 2],
      ['until file', gate.path],
      ['yield', 3],
      ['throw', 'no route to host'],
    ]);
    const delivered = runs.next('batch:delivered');
    const run = runs.fire(policy);
    await delivered;
    gate.open();
    expect(await runs.finished(run)).toMatchObject({ status: 'failed', entityCount: 2, batches: 1 });
    expect(run.reason).toContain('no route to host');
  });

  test('it shows how far it has come', async () => {
    await using runs = new Runs({ host });
    const run = await runs.finished(runs.fire(await runs.policy('edge', [['progress', 4]])));
    expect(run.progress).toEqual({ done: 4, total: 10 });
  });

  test('a child that ends takes its run along, with the reason', async () => {
    await using runs = new Runs({ host });
    const run = await runs.finished(runs.fire(await runs.policy('edge', [['exit', 3]])));
    expect(run).toMatchObject({ status: 'failed', entityCount: 0 });
    expect(run.reason).toContain('exited with status 3');
    expect(runs.history.latest('edge', 5)).toEqual([run]);
  });
});

describe('what a backend says', () => {
  test('is logged at its level, with policy, run, backend and a module without blanks', async () => {
    await using runs = new Runs({ host });
    const run = await runs.finished(runs.fire(await runs.policy('edge', [['log', 'half done']])));
    expect(runs.lines.find((line) => line.msg === 'half done')).toMatchObject({
      level: 40,
      module: 'backend.scripted-backend',
      policy: 'edge',
      run: run.id,
      backend: 'scripted backend',
    });
  });

  test('is kept with the run, from its first line on', async () => {
    await using runs = new Runs({ host });
    const gate = runs.gate();
    const steps = [
      ['log', 'begun'],
      ['until file', gate.path],
      ['log', 'done'],
    ] as const;
    const first = runs.next('run:logged');
    const run = runs.fire(await runs.policy('edge', steps));
    const { line } = await first;
    expect(line).toEqual({ at: expect.any(Number), level: 'warn', message: 'begun' });
    expect(await runs.history.log(run.id)).toEqual({ lines: [line], dropped: 0 });
    gate.open();
    await runs.finished(run);
    expect((await runs.history.log(run.id)).lines.map(({ message }) => message)).toEqual(['begun', 'done']);
  });

  test('never shows a secret of its policy', async () => {
    await using runs = new Runs({ host });
    const steps = [
      ['log', 'login as hunter22'],
      ['throw', 'hunter22 was refused'],
    ] as const;
    const run = await runs.finished(runs.fire(await runs.policy('edge', steps, { secrets: ['hunter22'] })));
    expect(run.reason).toContain('*** was refused');
    expect(runs.lines.map((line) => line.msg)).toContain('login as ***');
    expect((await runs.history.log(run.id)).lines).toMatchObject([{ message: 'login as ***' }]);
    expect(JSON.stringify(runs.lines)).not.toContain('hunter22');
  });
});

describe('a run that is due while one of its policy is at work', () => {
  test('skip: is recorded as skipped, with the reason', async () => {
    await using runs = new Runs({ host });
    const gate = runs.gate();
    const policy = await runs.policy('edge', [['until file', gate.path]]);
    const first = runs.fire(policy);
    const second = runs.fire(policy);
    expect(second).toMatchObject({
      status: 'skipped',
      reason: 'maximum number of running instances reached (1)',
      startedAt: undefined,
    });
    expect(runs.eventsOf(second)).toEqual(['run:opened', 'run:finished']);
    gate.open();
    expect((await runs.finished(first)).status).toBe('completed');
    expect((await runs.finished(runs.fire(policy))).status).toBe('completed');
  });

  test('queue_one: one waits, and starts when the other ends; the next is skipped', async () => {
    await using runs = new Runs({ host });
    const gate = runs.gate();
    const policy = await runs.policy('edge', [['until file', gate.path]], { overlap: 'queue_one' });
    const first = await runs.reaches(runs.fire(policy), 'running');
    const second = runs.fire(policy);
    const third = runs.fire(policy);
    expect(second.status).toBe('pending');
    expect(third).toMatchObject({
      status: 'skipped',
      reason: 'one run is at work and another waits already',
    });
    gate.open();
    expect((await runs.finished(second)).status).toBe('completed');
    expect(second.startedAt).toBeGreaterThanOrEqual(first.startedAt ?? Number.NaN);
    expect(
      runs.seen.findIndex((event) => event.name === 'run:started' && event.run === second.id),
    ).toBeGreaterThan(runs.seen.findIndex((event) => event.name === 'run:started' && event.run === first.id));
  });

  test('allow: starts beside it', async () => {
    await using runs = new Runs({ host });
    const gate = runs.gate();
    const policy = await runs.policy('edge', [['until file', gate.path]], { overlap: 'allow' });
    const both = [runs.fire(policy), runs.fire(policy)];
    for (const run of both) expect((await runs.reaches(run, 'running')).status).toBe('running');
    gate.open();
    for (const run of both) expect((await runs.finished(run)).status).toBe('completed');
  });

  test('is not held up by one that only delivers', async () => {
    await using runs = new Runs({ host });
    runs.sink.hold();
    const policy = await runs.policy('edge', [['yield', 1]]);
    const first = await runs.reaches(runs.fire(policy), 'delivering');
    const second = await runs.reaches(runs.fire(policy), 'delivering');
    expect([first.status, second.status]).toEqual(['delivering', 'delivering']);
    runs.sink.release();
    expect((await runs.finished(second)).status).toBe('completed');
  });
});

test('with a limit, runs of all policies start in the order they were due', async () => {
  await using runs = new Runs({ host, concurrency: 1 });
  const fired = [];
  for (const name of ['a', 'b', 'c', 'd']) fired.push(runs.fire(await runs.policy(name, [['yield', 1]])));
  for (const run of fired) await runs.finished(run);
  const started = runs.seen.filter((event) => event.name === 'run:started').map((event) => event.run);
  expect(started).toEqual(fired.map((run) => run.id));
});

test('a batch that is rejected fails the run with the reason, and those behind it are sent', async () => {
  await using runs = new Runs({ host });
  const gate = runs.gate();
  const steps = [
    ['yield', 1],
    ['until file', gate.path],
    ['yield', 2],
  ] as const;
  runs.sink.failure = new SinkError('rejected', 'entity at index 0 is nil', { refusal: { of: 'all' } });
  const run = await runs.reaches(runs.fire(await runs.policy('edge', steps)), 'running');
  await vi.waitUntil(() => runs.delivery.letters.count === 1, { timeout: 15_000 });
  runs.sink.failure = undefined;
  gate.open();
  expect(await runs.finished(run)).toMatchObject({ status: 'failed', entityCount: 2 });
  expect(run.reason).toMatch(/^1 of 3 entities rejected: .*entity at index 0 is nil/);
});

test('where nothing can be delivered the backend is cancelled; the run fails with the reason', async () => {
  await using runs = new Runs({ host });
  runs.sink.failure = new SinkError('fatal', 'Ingest transport error: no such stream');
  const run = runs.fire(await runs.policy('edge', [['yield', 1], ['until cancelled']]));
  expect(await runs.finished(run)).toMatchObject({ status: 'failed', entityCount: 0 });
  expect(run.reason).toContain('no such stream');
});
