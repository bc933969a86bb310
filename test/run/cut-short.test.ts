import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { BackendHost } from '../../src/backend/host.ts';
import { HeldClock } from '../support/held-clock.ts';
import { openWarmHost, Runs } from './support.ts';

let host: BackendHost;

beforeAll(async () => {
  host = await openWarmHost();
});

afterAll(() => host.stop());

const DELETED = 'the policy was deleted';

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

describe("a run that goes down with another's child", () => {
  /** On a clock that stands still no child is ever late, so that nobody gets one of its own. */
  async function inOneChild(): Promise<Runs> {
    const oneChild = await openWarmHost(undefined, new HeldClock());
    onTestFinished(() => oneChild.stop());
    return new Runs({ host: oneChild });
  }

  test('is run again once, alone, as a run that names it', async () => {
    await using runs = await inOneChild();
    const gate = runs.gate();
    const steps = [
      ['until file', gate.path],
      ['yield', 2],
    ] as const;
    const innocent = await runs.policy('innocent', steps);
    const culprit = await runs.policy('culprit', [['exit', 3]]);
    const first = await runs.reaches(runs.fire(innocent), 'running');
    const opened = runs.next('run:opened', ({ run }) => run.trigger === 'retry');
    await runs.finished(runs.fire(culprit));
    const { run: retry } = await opened;
    expect(first).toMatchObject({ id: retry.retryOf, status: 'failed', dueAt: retry.dueAt });
    gate.open();
    expect(await runs.finished(retry)).toMatchObject({
      policy: 'innocent',
      status: 'completed',
      entityCount: 2,
    });
    expect(runs.history.latest('innocent', 50)).toContain(retry);
  });

  test('is not run again when its policy was deleted', async () => {
    await using runs = await inOneChild();
    const innocent = await runs.policy('innocent', [['for ever']]);
    const culprit = await runs.policy('culprit', [['exit', 3]]);
    const first = await runs.reaches(runs.fire(innocent), 'running');
    const cancelled = runs.coordinator.cancel(innocent, DELETED, 200);
    await runs.finished(runs.fire(culprit));
    await cancelled;
    expect(await runs.finished(first)).toMatchObject({ status: 'cancelled', reason: DELETED });
    expect(runs.history.latest('innocent', 50)).toEqual([first]);
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
