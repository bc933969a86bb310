import { describe, expect, test } from 'vitest';
import { Stage } from './stage.ts';

const good = { entities: 3, everyMs: 10 };

interface CrashWait {
  readonly until: string;
  readonly reason: string;
}

describe('a package that keeps crashing', () => {
  test('waits before its next process, and says until when and why, until a run of it ends well', async () => {
    await using stage = await Stage.open();
    const get = async <T>(route: string): Promise<T> => (await stage.daemon.request(route)).json<T>();
    const waits = async () => (await get<{ crash_waits?: CrashWait[] }>('/api/v1/status')).crash_waits;

    const names = ['a', 'b', 'c', 'd', 'e'];
    await stage.apply(Object.fromEntries(names.map((name) => [name, { package: 'exits' }])));
    for (const name of names) {
      expect((await stage.ended(name)).at(-1)).toMatchObject({ reason: 'exited with status 3' });
    }
    const reason = 'its process crashed 5 times in a row, the last time: exited with status 3';
    const until = expect.stringMatching(/^\d{4}-.*Z$/);
    await expect.poll(waits, { timeout: 3_000 }).toEqual([{ package: 'exits', until, reason }]);
    expect(await get('/api/v1/policies/a')).toMatchObject({ crash_wait: { until, reason } });
    expect(await get('/readyz')).toEqual({
      status: 'degraded',
      reasons: [
        expect.stringMatching(/^package 'exits' waits until .*: its process crashed 5 times in a row/),
      ],
    });
    await stage.daemon.line(/No run begins before .*: its process crashed 5 times in a row/);

    const [wait] = (await waits()) ?? [];
    // A POST is still answered at once, and its run waits.
    expect((await stage.apply({ good: { package: 'exits', scope: good } })).status).toBe(201);
    expect(await stage.ended('good')).toMatchObject([{ status: 'completed', entity_count: 3 }]);
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(wait?.until ?? '') - 1_000);
    await expect.poll(waits, { timeout: 3_000 }).toBe(undefined);
    expect(await get('/readyz')).toEqual({ status: 'ok', reasons: [] });
  }, 60_000);
});

describe('what a process left behind', () => {
  test('in a session of its own ends soon after its run, while the daemon goes on', async () => {
    await using stage = await Stage.open();
    await stage.apply({ forking: { package: 'forks' } });
    expect(await stage.ended('forking')).toMatchObject([{ status: 'completed' }]);
    // The spare stays.
    await expect.poll(() => stage.processes().length, { timeout: 10_000 }).toBe(1);
  }, 30_000);

  test('by a daemon that was killed is ended by the next', async () => {
    await using first = await Stage.open();
    await first.apply({ forking: { package: 'forks' } });
    await expect.poll(() => first.sessions(), { interval: 5, timeout: 10_000 }).toHaveLength(1);
    await first.daemon.stop('SIGKILL');
    // Any daemon of this machine may be that next one.
    await using next = await Stage.open();
    await next.apply({ good: { package: 'well', scope: good } });
    await expect.poll(() => first.processes(), { timeout: 5_000 }).toEqual([]);
  }, 30_000);
});

test('a daemon that is killed takes along even what spins', async () => {
  await using stage = await Stage.open();
  await stage.apply({ spinning: { package: 'spins' }, waiting: { package: 'ignores-all' } });
  await expect
    .poll(async () => (await stage.runs('spinning')).map(({ status }) => status), { timeout: 10_000 })
    .toEqual(['running']);
  await stage.daemon.stop('SIGKILL');
  await expect.poll(() => stage.processes(), { timeout: 5_000 }).toEqual([]);
}, 30_000);

test('a run that spins keeps nobody waiting for ever who shares its process', async () => {
  await using stage = await Stage.open();
  const names = Array.from({ length: 50 }, (_, index) => `good-${index}`);
  const scope = { entities: 10, everyMs: 20 };
  const [half, rest] = [names.slice(0, 25), names.slice(25)].map((some) =>
    Object.fromEntries(some.map((name) => [name, { package: 'spins', scope }])),
  );
  await stage.apply({ ...half, bad: { package: 'spins' }, ...rest });
  for (const name of names) {
    const runs = await stage.ended(name);
    expect(runs.at(-1)).toMatchObject({ status: 'completed', entity_count: 10 });
    expect(runs.length).toBeLessThanOrEqual(2);
    if (runs.length === 2) expect(runs[0]?.reason).toMatch(/its process did not answer for 1\d s$/);
  }
  const last = (await stage.runs('bad')).at(-1);
  expect(last?.status).toBe('running');
  await stage.daemon.delete('bad');
}, 80_000);
