import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { HeldClock } from '../support/held-clock.ts';
import { viewOf } from './names-registry.ts';
import { finish, openedRun } from './runs.ts';
import { TestApi } from './support.ts';

interface Status {
  version: string;
  start_time: string;
  up_time_seconds: number;
  policies: { name: string; status: string; backend: unknown; runs: Record<string, unknown>[] }[];
}

let clock: HeldClock;
let api: TestApi;
beforeEach(async () => {
  clock = new HeldClock(Date.UTC(2026, 0, 2, 3, 4, 5, 678));
  api = await TestApi.start({ clock });
});
afterEach(() => api[Symbol.asyncDispose]());

const status = async () => (await api.get('/api/v1/status')).json() as Status;
const policyStatus = async () => (await status()).policies[0]?.status;

function open(policy: string, changes: Parameters<typeof openedRun>[1] = {}) {
  const run = openedRun(policy, changes);
  api.events.emit('run:opened', { run });
  return run;
}

describe('status', () => {
  test('1 tells the version, the start and whole seconds of up time', async () => {
    const answer = await api.get('/api/v1/status');
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(answer.text).toBe(
      '{"version":"1.2.3","start_time":"2026-01-02T03:04:05.678Z","up_time_seconds":0,"policies":[]}',
    );
    await clock.advance(1_999);
    expect((await status()).up_time_seconds).toBe(1);
    clock.jump(-3_600_000);
    await clock.advance(1);
    expect((await status()).up_time_seconds).toBe(2);
  });

  test('2 shows a run as upstream does, times as bare nanoseconds', async () => {
    await api.post(['a\nb']);
    const run = finish(api.events, open('a\nb', { entityCount: 7 }), 'completed');
    const { text } = await api.get('/api/v1/status');
    expect(text.slice(text.indexOf('"policies"'))).toBe(
      '"policies":[{"name":"a\\nb","status":"completed","backend":{"package":"pkg","version":"1.0.0"},' +
        `"runs":[{"id":"${run.id}","status":"completed","reason":"",` +
        '"entity_count":7,"created_at":1767323045678000000,"updated_at":1767323046928000000,' +
        '"metadata":{"name":"sample","app_name":"app","app_version":"2.0","policy_name":"ab"}}]}]}',
    );
  });

  test('shows the version that a policy has at the moment', async () => {
    const backendOf = async () => (await status()).policies[0]?.backend;
    await api.post(['p']);
    expect(await backendOf()).toEqual({ package: 'pkg', version: '1.0.0' });
    api.registry.views.set('p', viewOf('p', { backend: { package: 'pkg', version: '2.0.0' } }));
    expect(await backendOf()).toEqual({ package: 'pkg', version: '2.0.0' });
  });

  test('a policy is unknown before its first run, then what its latest run is', async () => {
    await api.post(['p']);
    expect(await policyStatus()).toBe('unknown');
    const first = open('p');
    expect(await policyStatus()).toBe('running');
    finish(api.events, first, 'failed', 'boom');
    expect(await policyStatus()).toBe('failed');
    finish(api.events, open('p'), 'completed');
    expect(await policyStatus()).toBe('completed');
    const slow = open('p');
    finish(api.events, open('p'), 'completed');
    expect(await policyStatus()).toBe('running');
    finish(api.events, slow, 'cancelled', 'timed out');
    expect(await policyStatus()).toBe('completed');
  });

  test('runs that wait or deliver are running, those cut short have failed, those skipped are not shown', async () => {
    await api.post(['p']);
    for (const shown of [
      'skipped',
      'lost',
      'cancelled',
      'failed',
      'completed',
      'delivering',
      'running',
      'pending',
    ] as const) {
      const run = open('p');
      run.status = shown;
      run.updatedAt += 1;
      api.events.emit('run:finished', { run });
      const { policies } = await status();
      const newest = policies[0]?.runs[0];
      if (shown === 'skipped') expect(newest).toBeUndefined();
      else if (['pending', 'running', 'delivering'].includes(shown)) expect(newest?.status).toBe('running');
      else expect(newest?.status).toBe(shown === 'completed' ? 'completed' : 'failed');
    }
  });

  test('52 lists the five newest runs of seven', async () => {
    await api.post(['p']);
    const runs = Array.from({ length: 7 }, () => finish(api.events, open('p'), 'completed'));
    const { policies } = await status();
    expect(policies[0]?.runs.map(({ id }) => id)).toEqual(
      runs
        .slice(2)
        .reverse()
        .map(({ id }) => id),
    );
  });

  test('follows every change of a run, those within one millisecond too', async () => {
    await api.post(['p']);
    const run = open('p');
    const shown = async () => (await status()).policies[0]?.runs[0];
    expect(await shown()).toMatchObject({ status: 'running', entity_count: 0 });
    run.entityCount = 5;
    expect(await shown()).toMatchObject({ status: 'running', entity_count: 5 });
    run.status = 'failed';
    run.reason = 'two\nlines';
    expect(await shown()).toMatchObject({ status: 'failed', reason: 'two\nlines', entity_count: 5 });
    run.updatedAt += 1;
    expect(await shown()).toMatchObject({ updated_at: run.updatedAt * 1e6 });
  });

  test('follows policies as they come, go and come back', async () => {
    const names = async () => (await status()).policies.map(({ name }) => name);
    await api.post(['a', 'b', 'c']);
    finish(api.events, open('b'), 'completed');
    expect(await names()).toEqual(['a', 'b', 'c']);
    await api.delete('a');
    expect(await names()).toEqual(['b', 'c']);
    api.registry.views.set('a', viewOf('a'));
    expect(await names()).toEqual(['b', 'c', 'a']);
    await api.delete('b');
    api.history.detach('b');
    await api.post(['b']);
    expect((await status()).policies).toMatchObject([
      { name: 'c', status: 'unknown', runs: [] },
      { name: 'a', status: 'unknown', runs: [] },
      { name: 'b', status: 'unknown', runs: [] },
    ]);
    for (const name of ['a', 'b', 'c']) await api.delete(name);
    expect(await names()).toEqual([]);
  });

  test('any text survives in it', async () => {
    const names = ['"quoted"', 'back\\slash', '\u2028', '😀', '\0', '__proto__', ''];
    await api.post(names);
    finish(api.events, open('😀'), 'failed', 'Chunk ingestion failed: ["e1"] ☃');
    const { policies } = await status();
    expect(policies.map(({ name }) => name)).toEqual(names);
    expect(policies[3]?.runs[0]?.reason).toBe('Chunk ingestion failed: ["e1"] ☃');
  });

  test('times at the epoch are numbers too', async () => {
    await api.post(['p']);
    open('p', { createdAt: 0 });
    expect((await api.get('/api/v1/status')).text).toContain('"created_at":0,"updated_at":0,');
  });

  test('packages that crashed too often are named, with what they wait for', async () => {
    const until = clock.now() + 5_000;
    api.crashWaits = [{ package: 'pkg', until, reason: 'its process crashed 5 times in a row' }];
    const reply = { until: '2026-01-02T03:04:10.678Z', reason: 'its process crashed 5 times in a row' };
    expect(await status()).toMatchObject({ crash_waits: [{ package: 'pkg', ...reply }] });

    api.registry.views.set('edge', viewOf('edge', { crashWait: api.crashWaits[0] }));
    expect((await api.get('/api/v1/policies/edge')).json()).toMatchObject({ crash_wait: reply });

    api.crashWaits = [];
    await clock.advance(1_000);
    expect(await status()).not.toHaveProperty('crash_waits');
  });

  test('what waits to be delivered is told, and dead letters, as long as there is something', async () => {
    expect(await status()).not.toHaveProperty('delivery');
    const { letters } = api.delivery;
    letters.add([{ site: { name: 'Lab' } }]);
    const nothing = {
      waiting_batches: 0,
      waiting_bytes: 0,
      waiting_entities: 0,
      oldest_age_seconds: null,
      last_error: null,
      next_try_at: null,
      misfit_batches: 0,
      dead_letters: 1,
    };
    await clock.advance(1_000);
    expect(await status()).toMatchObject({ delivery: nothing });
    letters.opened.clear();
    api.delivery.waiting = {
      waitingBatches: 2,
      waitingBytes: 300,
      waitingEntities: 40,
      oldestAgeMs: 1_500,
      lastError: { at: clock.now(), message: 'said "no"' },
      nextTryAt: clock.now() + 5_000,
      misfits: 1,
    };
    await clock.advance(1_000);
    expect(await status()).toMatchObject({
      delivery: {
        waiting_batches: 2,
        waiting_bytes: 300,
        waiting_entities: 40,
        oldest_age_seconds: 1.5,
        last_error: { time: '2026-01-02T03:04:06.678Z', message: 'said "no"' },
        next_try_at: '2026-01-02T03:04:11.678Z',
        misfit_batches: 1,
        dead_letters: 0,
      },
    });
    api.delivery.waiting = {};
    await clock.advance(1_000);
    expect(await status()).not.toHaveProperty('delivery');
  });

  test('a data directory is told of, and with it always what waits', async () => {
    expect(await status()).not.toHaveProperty('state');
    let health = { ok: true, reason: '' };
    const figures = () => ({ bytes: 4_096, commits: 1, commitMs: 2 });
    await using durable = await TestApi.start({ clock, state: { health: () => health, figures } });
    const shown = async () => (await durable.get('/api/v1/status')).json();
    expect(await shown()).toMatchObject({
      delivery: { waiting_batches: 0, dead_letters: 0 },
      state: { ok: true, reason: '', bytes: 4_096 },
    });
    health = { ok: false, reason: 'no space left on the device' };
    await clock.advance(1_000);
    expect(await shown()).toMatchObject({ state: health });
  });

  test('a policy that cannot work has failed, with its reason, whatever its runs say', async () => {
    api.registry.views.set('edge', viewOf('edge'));
    finish(api.events, open('edge'), 'completed');
    const shown = async () => (await status()).policies[0];
    expect(await shown()).toMatchObject({ status: 'completed' });
    expect(await shown()).not.toHaveProperty('reason');
    const failure = "package 'pkg' was not found";
    api.registry.views.set('edge', viewOf('edge', { failure }));
    expect(await shown()).toMatchObject({
      status: 'failed',
      reason: failure,
      runs: [{ status: 'completed' }],
    });
    const policy = async () => (await api.get('/api/v1/policies/edge')).json();
    expect(await policy()).toMatchObject({ status: 'failed', failure, setup_fault: null });

    const setupFault = { reason: 'no socket', retryAt: clock.now() };
    api.registry.views.set('edge', viewOf('edge', { setupFault }));
    expect(await shown()).toMatchObject({ status: 'failed', reason: 'no socket' });
    const setup_fault = { reason: 'no socket', retry_at: '2026-01-02T03:04:05.678Z' };
    expect(await policy()).toMatchObject({ status: 'failed', failure: null, setup_fault });
    api.registry.views.set('edge', viewOf('edge'));
    expect(await shown()).toMatchObject({ status: 'completed' });
  });
});
