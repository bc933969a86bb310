import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BackendHost } from '../../src/backend/host.ts';
import { SinkError } from '../../src/sink/contract.ts';
import { Lives } from '../policy/lives.ts';
import { HeldClock } from '../support/held-clock.ts';
import { openWarmHost } from './support.ts';

let host: BackendHost;

beforeAll(async () => {
  host = await openWarmHost();
});

afterAll(() => host.stop());

const hourly = { schedule: '0 * * * *' };

describe('a run that was at work when the daemon died', () => {
  test('is lost, and run again where its policy has retries, later each time, until there are none left', async () => {
    const clockAt = (hour: number): HeldClock => new HeldClock(Date.UTC(2026, 0, 1, hour, 30));
    const [first, second, third, fourth] = [clockAt(0), clockAt(1), clockAt(2), clockAt(3)];
    await using lives = new Lives({ host });
    const policy = {
      ...hourly,
      steps: [['for ever']],
      run: { retries: 2, retry_backoff: '10s', misfire: 'skip' },
    };
    const policies = await lives.begin({ clock: first });
    await policies.apply({ edge: policy });
    const run = await policies.reaches(policies.registry.submit('edge'), 'running');
    await lives.kill();

    const later = await lives.begin({ clock: second });
    await later.awake();
    expect(await later.history.get(run.id)).toMatchObject({
      status: 'lost',
      retryAt: second.now() + 10_000,
      finishedAt: second.now(),
    });
    await second.advance(9_999);
    expect(later.opened('edge').filter(({ trigger }) => trigger === 'retry')).toEqual([]);
    await second.advance(1);
    const retry = later.opened('edge').find(({ trigger }) => trigger === 'retry');
    expect(retry).toMatchObject({ retryOf: run.id, retries: 1 });
    if (retry) await later.reaches(retry, 'running');
    await lives.kill();

    const evenLater = await lives.begin({ clock: third });
    await evenLater.awake();
    await third.advance(20_000);
    const last = evenLater.opened('edge').find(({ trigger }) => trigger === 'retry');
    expect(last).toMatchObject({ retryOf: retry?.id, retries: 2 });
    if (last) await evenLater.reaches(last, 'running');
    await lives.kill();

    const end = await lives.begin({ clock: fourth });
    await end.awake();
    await fourth.advance(600_000);
    expect(end.opened('edge').filter(({ trigger }) => trigger === 'retry')).toEqual([]);
    expect(await end.history.get(last?.id ?? '')).toMatchObject({ status: 'lost', retryAt: undefined });
    await lives.kill();
  });

  test('is run again in time although the clock was set back a year since', async () => {
    const clockIn = (year: number): HeldClock => new HeldClock(Date.UTC(year, 5, 1));
    const [first, second, third] = [clockIn(2028), clockIn(2027), clockIn(2026)];
    await using lives = new Lives({ host });
    const policies = await lives.begin({ clock: first });
    await policies.apply({
      edge: { ...hourly, steps: [['for ever']], run: { retries: 3, retry_backoff: '1m', misfire: 'skip' } },
    });
    const run = await policies.reaches(policies.registry.submit('edge'), 'running');
    await lives.kill();
    const next = await lives.begin({ clock: second });
    await next.awake();
    expect(await next.history.get(run.id)).toMatchObject({ retryAt: second.now() + 60_000 });
    await lives.kill();

    const later = await lives.begin({ clock: third });
    await later.awake();
    expect(await later.history.get(run.id)).toMatchObject({ retryAt: third.now() + 60_000 });
    await third.advance(60_000);
    expect(later.opened('edge').some(({ retryOf }) => retryOf === run.id)).toBe(true);
    await lives.kill();
  });

  test('is run again also when the next daemon dies before it can say so', async () => {
    await using lives = new Lives({ host });
    const policies = await lives.begin();
    await policies.apply({
      edge: { ...hourly, steps: [['for ever']], run: { retries: 1, misfire: 'skip' } },
    });
    const run = await policies.reaches(policies.registry.submit('edge'), 'running');
    await lives.kill();
    const next = await lives.begin();
    expect(next.history.latest('edge', 5)).toMatchObject([{ id: run.id, retryAt: undefined }]);
    await lives.kill();

    const clock = new HeldClock(Date.now());
    const later = await lives.begin({ clock });
    await later.awake();
    expect(later.history.latest('edge', 5)).toMatchObject([{ id: run.id, status: 'lost' }]);
    await clock.advance(10_000);
    expect(later.opened('edge')).toMatchObject([{ trigger: 'retry', retryOf: run.id }]);
    const [retry] = later.opened('edge');
    if (retry) await later.reaches(retry, 'running');
    await lives.kill();
  });

  test('has what it yielded before delivered all the same', async () => {
    await using lives = new Lives({ host });
    const policies = await lives.begin();
    policies.sink.failure = new SinkError('unavailable', 'Diode is away');
    await policies.apply({ edge: { ...hourly, steps: [['yield', 3], ['for ever']] } });
    const run = await policies.reaches(policies.registry.submit('edge'), 'running');
    await expect.poll(() => policies.delivery.totals().waitingEntities).toBe(3);
    await lives.kill();

    const later = await lives.begin();
    await expect.poll(() => later.sink.acknowledged.length).toBe(1);
    await expect
      .poll(() => later.history.get(run.id))
      .toMatchObject({ status: 'lost', entityCount: 3, batches: 1 });
  });
});

describe('a run that was being delivered when the daemon died', () => {
  test('goes on, and ends as it would have', async () => {
    await using lives = new Lives({ host });
    const policies = await lives.begin();
    policies.sink.failure = new SinkError('unavailable', 'Diode is away');
    await policies.apply({
      good: { ...hourly, steps: [['yield', 3]] },
      bad: {
        ...hourly,
        steps: [
          ['yield', 2],
          ['wait', 100],
          ['throw', 'no route to host'],
        ],
      },
    });
    const runs = [policies.registry.submit('good'), policies.registry.submit('bad')];
    for (const run of runs) await policies.reaches(run, 'delivering');
    await lives.kill();

    const later = await lives.begin();
    for (const run of runs) {
      await expect.poll(async () => (await later.history.get(run.id))?.finishedAt).toBeDefined();
    }
    expect(await later.history.get(runs[0]?.id ?? '')).toMatchObject({ status: 'completed', entityCount: 3 });
    const bad = await later.history.get(runs[1]?.id ?? '');
    expect(bad).toMatchObject({ status: 'failed', entityCount: 2 });
    expect(bad?.reason).toContain('no route to host');
    expect(later.sink.acknowledged.map(({ entityCount }) => entityCount).sort()).toEqual([2, 3]);
  });

  test('is shown as delivering until then, and may be cancelled', async () => {
    await using lives = new Lives({ host });
    const policies = await lives.begin();
    policies.sink.hold();
    await policies.apply({ edge: { ...hourly, steps: [['yield', 3]] } });
    const run = await policies.reaches(policies.registry.submit('edge'), 'delivering');
    await lives.kill();

    const later = await lives.begin();
    later.sink.hold();
    expect(later.history.latest('edge', 5)).toMatchObject([{ id: run.id, status: 'delivering' }]);
    later.coordinator.cancelRun(run.id, 'cancelled on request');
    await expect
      .poll(() => later.history.get(run.id))
      .toMatchObject({ status: 'cancelled', reason: 'cancelled on request' });
  });

  test('and when it is stopped instead, its batches wait on disk', async () => {
    await using lives = new Lives({ host });
    const policies = await lives.begin();
    policies.sink.hold();
    await policies.apply({ edge: { ...hourly, steps: [['yield', 3]] } });
    const run = await policies.reaches(policies.registry.submit('edge'), 'delivering');
    expect(await lives.stop(100)).toMatchObject({
      cancelledRuns: 0,
      delivery: { left: { waitingBatches: 1, waitingEntities: 3 }, lost: { waitingBatches: 0 } },
    });
    const later = await lives.begin();
    await expect.poll(() => later.history.get(run.id)).toMatchObject({ status: 'completed', entityCount: 3 });
  });
});

describe('history', () => {
  test('goes on: sequences, pages, logs and the latest runs', async () => {
    await using lives = new Lives({ host });
    const policies = await lives.begin();
    await policies.apply({ edge: { ...hourly, steps: [['log', 'here']] } });
    for (let count = 0; count < 7; count++) await policies.finished(policies.registry.submit('edge'));
    const query = { policy: 'edge', status: undefined, limit: 3, cursor: undefined };
    const page = await policies.history.list(query);
    await lives.stop();

    const later = await lives.begin();
    await later.awake();
    expect(later.history.latest('edge', 5).map(({ sequence }) => sequence)).toEqual([7, 6, 5, 4, 3]);
    const next = await later.history.list({ ...query, cursor: page.nextCursor });
    expect(next.runs.map(({ sequence }) => sequence)).toEqual([4, 3, 2]);
    expect((await later.history.log(next.runs[0]?.id ?? '')).lines).toMatchObject([{ message: 'here' }]);
    const run = await later.finished(later.registry.submit('edge'));
    expect(run.sequence).toBe(8);
    expect((await later.history.list(query)).runs.map(({ sequence }) => sequence)).toEqual([8, 7, 6]);
    expect((await later.history.list({ ...query, status: 'running' })).runs).toEqual([]);
  });

  test('shows a run under way as it is now', async () => {
    await using lives = new Lives({ host });
    const policies = await lives.begin();
    await policies.apply({ edge: { ...hourly, steps: [['progress', 4], ['until cancelled']] } });
    const run = await policies.reaches(policies.registry.submit('edge'), 'running');
    await expect.poll(() => run.progress).toEqual({ done: 4, total: 10 });
    const query = { policy: undefined, status: 'running', limit: 3, cursor: undefined } as const;
    expect((await policies.history.list(query)).runs).toMatchObject([{ progress: { done: 4 } }]);
    expect(await policies.history.get(run.id)).toBe(run);
    policies.coordinator.cancelRun(run.id, 'enough');
    await policies.finished(run);
  });
});
