import { availableParallelism } from 'node:os';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { BackendHost } from '../../src/backend/host.ts';
import { SinkError } from '../../src/sink/contract.ts';
import { HeldClock } from '../support/held-clock.ts';
import { openWarmHost, Runs } from './support.ts';

let host: BackendHost;

beforeAll(async () => {
  host = await openWarmHost();
});

afterAll(() => host.stop());

const DELETED = 'the policy was deleted';

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

describe('time', () => {
  test('a run that takes too long is cancelled and fails', async () => {
    const clock = new HeldClock();
    await using runs = new Runs({ host, clock });
    const policy = await runs.policy('edge', [['until cancelled']], { timeoutMs: 300_000 });
    const run = await runs.reaches(runs.fire(policy), 'running');
    await clock.advance(299_999);
    expect(run.status).toBe('running');
    await clock.advance(1);
    expect(await runs.finished(run)).toMatchObject({ status: 'failed', reason: 'timed out after 5m' });
    expect(clock.pending).toBe(0);
  });

  test("a policy without a limit has the daemon's", async () => {
    const clock = new HeldClock();
    await using runs = new Runs({ host, clock, runTimeoutMs: 90_000 });
    const run = await runs.reaches(runs.fire(await runs.policy('edge', [['until cancelled']])), 'running');
    await clock.advance(90_000);
    expect(await runs.finished(run)).toMatchObject({ status: 'failed', reason: 'timed out after 1m30s' });
  });

  test('a delivery that takes too long is given up', async () => {
    const clock = new HeldClock();
    await using runs = new Runs({ host, clock });
    runs.sink.hold();
    const policy = await runs.policy('edge', [['yield', 2]], { timeoutMs: 60_000 });
    const run = await runs.reaches(runs.fire(policy), 'delivering');
    await clock.advance(60_000);
    expect(await runs.finished(run)).toMatchObject({
      status: 'failed',
      reason: 'timed out after 1m',
      entityCount: 0,
    });
  });

  test('a run that ends in time leaves no timer', async () => {
    const clock = new HeldClock();
    await using runs = new Runs({ host, clock });
    const policy = await runs.policy('edge', [['yield', 1]], { timeoutMs: 60_000 });
    expect((await runs.finished(runs.fire(policy))).status).toBe('completed');
    expect(clock.pending).toBe(0);
  });
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
  await vi.waitUntil(() => runs.delivery.letters.count === 1);
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

describe("a run that goes down with another's child", () => {
  test('is run again once, alone, as a run that names it', async () => {
    await using runs = new Runs({ host });
    const gate = runs.gate();
    const steps = [
      ['until file', gate.path],
      ['yield', 2],
    ] as const;
    const innocent = await runs.policy('innocent', steps, { overlap: 'allow' });
    const culprit = await runs.policy('culprit', [['exit', 3]]);
    // More than there may be children, so that the culprit cannot have one of its own.
    const firsts = Array.from({ length: availableParallelism() + 1 }, () => runs.fire(innocent));
    for (const first of firsts) await runs.reaches(first, 'running');
    const opened = runs.next('run:opened', ({ run }) => run.trigger === 'retry');
    await runs.finished(runs.fire(culprit));
    const { run: retry } = await opened;
    const first = firsts.find(({ id }) => id === retry.retryOf);
    expect(first).toMatchObject({ policy: 'innocent', status: 'failed', dueAt: retry.dueAt });
    gate.open();
    expect(await runs.finished(retry)).toMatchObject({
      policy: 'innocent',
      status: 'completed',
      entityCount: 2,
    });
    expect(runs.history.latest('innocent', 50)).toContain(retry);
  });

  test('is not run again when its policy was deleted', async () => {
    await using runs = new Runs({ host });
    const innocent = await runs.policy('innocent', [['for ever']], { overlap: 'allow' });
    const culprit = await runs.policy('culprit', [['exit', 3]]);
    const firsts = Array.from({ length: availableParallelism() + 1 }, () => runs.fire(innocent));
    for (const first of firsts) await runs.reaches(first, 'running');
    const cancelled = runs.coordinator.cancel(innocent, DELETED, 200);
    await runs.finished(runs.fire(culprit));
    await cancelled;
    for (const first of firsts) {
      expect(await runs.finished(first)).toMatchObject({ status: 'cancelled', reason: DELETED });
    }
    expect(runs.history.latest('innocent', 50)).toHaveLength(firsts.length);
  });
});

describe('cancelling the runs of a policy', () => {
  test('signals what runs, and delivers what was closed before', async () => {
    await using runs = new Runs({ host });
    const policy = await runs.policy('edge', [['yield', 2], ['until cancelled']]);
    const run = runs.fire(policy);
    // In one batch, or two on a busy machine.
    await expect.poll(() => run.entityCount).toBe(2);
    await runs.coordinator.cancel(policy, DELETED, 5_000);
    expect(await runs.finished(run)).toMatchObject({ status: 'cancelled', reason: DELETED, entityCount: 2 });
  });

  test('cuts off what does not stop', async () => {
    await using runs = new Runs({ host });
    const policy = await runs.policy('edge', [['for ever']]);
    const run = await runs.reaches(runs.fire(policy), 'running');
    await runs.coordinator.cancel(policy, DELETED, 50);
    expect(await runs.finished(run)).toMatchObject({ status: 'cancelled', reason: DELETED });
  });

  test('ends at once what waits for its policy, or for a place', async () => {
    await using runs = new Runs({ host, concurrency: 1 });
    const gate = runs.gate();
    const busy = await runs.policy('busy', [['until file', gate.path]], { overlap: 'queue_one' });
    const queued = await runs.policy('queued', []);
    const first = await runs.reaches(runs.fire(busy), 'running');
    const waiting = runs.fire(busy);
    const withoutPlace = runs.fire(queued);
    await runs.coordinator.cancel(queued, DELETED, 5_000);
    expect(withoutPlace).toMatchObject({ status: 'cancelled', reason: DELETED, startedAt: undefined });
    const cancelled = runs.coordinator.cancel(busy, DELETED, 5_000);
    expect(waiting).toMatchObject({ status: 'cancelled', reason: DELETED, startedAt: undefined });
    gate.open();
    await cancelled;
    expect((await runs.finished(first)).startedAt).toBeDefined();
    expect((await runs.finished(runs.fire(queued))).status).toBe('completed');
  });

  test('is done at once for a policy that has none', async () => {
    await using runs = new Runs({ host });
    await runs.coordinator.cancel(await runs.policy('edge', []), DELETED, 60_000);
  });
});

describe('stopping', () => {
  test('cancels what runs and what waits, lets deliveries end, and starts nothing more', async () => {
    await using runs = new Runs({ host, concurrency: 1 });
    const running = await runs.policy('running', [['yield', 2], ['until cancelled']]);
    const queued = await runs.policy('queued', [['yield', 2]]);
    const delivered = runs.next('batch:delivered');
    const fired = [runs.fire(running), runs.fire(queued)];
    await delivered;
    const report = await runs.coordinator.stop(5_000);
    expect(report).toMatchObject({ cancelledRuns: 2, delivery: { lost: { waitingBatches: 0 } } });
    expect(fired.map((run) => [run.status, run.reason, run.entityCount])).toEqual([
      ['cancelled', 'the daemon was stopped', 2],
      ['cancelled', 'the daemon was stopped', 0],
    ]);
    runs.coordinator.fire(queued, 'cron', 0);
    expect(runs.seen.filter((event) => event.name === 'run:opened')).toHaveLength(2);
  });

  test('cuts off what does not stop while there is still time to deliver', async () => {
    await using runs = new Runs({ host });
    const policy = await runs.policy('edge', [['yield', 2], ['for ever']]);
    const delivered = runs.next('batch:delivered');
    const run = runs.fire(policy);
    await delivered;
    const report = await runs.coordinator.stop(500);
    expect(report).toMatchObject({ cancelledRuns: 1, delivery: { lost: { waitingBatches: 0 } } });
    expect(run).toMatchObject({ status: 'cancelled', entityCount: 2 });
  });

  test('gives up what cannot be delivered in time, and says how much that was', async () => {
    await using runs = new Runs({ host });
    runs.sink.hold();
    const run = await runs.reaches(runs.fire(await runs.policy('edge', [['yield', 3]])), 'delivering');
    const report = await runs.coordinator.stop(50);
    expect(report).toMatchObject({
      cancelledRuns: 0,
      delivery: { lost: { waitingBatches: 1, waitingEntities: 3 }, left: { waitingBatches: 0 } },
    });
    expect(run).toMatchObject({ status: 'failed', reason: 'the daemon is stopping', entityCount: 0 });
  });

  test('with nothing to do is done at once', async () => {
    await using runs = new Runs({ host });
    expect(await runs.coordinator.stop(60_000)).toMatchObject({
      cancelledRuns: 0,
      delivery: { lost: { waitingBatches: 0 }, left: { waitingBatches: 0 } },
    });
  });
});
