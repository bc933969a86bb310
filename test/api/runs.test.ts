import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { RunLogReply } from '../../src/api/replies.ts';
import type { Run } from '../../src/run/run.ts';
import { finish, openedRun } from './runs.ts';
import { TestApi } from './support.ts';

interface RunPage {
  runs: Record<string, unknown>[];
  next_cursor: string | null;
}

let api: TestApi;
beforeEach(async () => {
  api = await TestApi.start();
});
afterEach(() => api[Symbol.asyncDispose]());

const page = async (query = '') => (await api.get(`/api/v1/runs${query}`)).json() as RunPage;

function open(policy: string, changes: Parameters<typeof openedRun>[1] = {}) {
  const run = openedRun(policy, changes);
  api.events.emit('run:opened', { run });
  return run;
}

describe('runs', () => {
  test('a run tells all about itself', async () => {
    const before = finish(api.events, open('edge'), 'failed', 'its child ended');
    const run = open('edge', {
      trigger: 'retry',
      retryOf: before.id,
      dueAt: Date.UTC(2026, 0, 2, 3, 4, 5),
      entityCount: 3,
      batches: 2,
      bytes: 5_000_000_000,
      usage: { cpuMs: 30, peakBytes: 4_096, isShared: true },
      retryAt: Date.UTC(2026, 0, 2, 3, 5),
      progress: { done: 3, total: undefined },
    });
    finish(api.events, run, 'completed');
    const shown = {
      id: run.id,
      policy: 'edge',
      status: 'completed',
      reason: '',
      trigger: 'retry',
      retry_of: before.id,
      retry_at: '2026-01-02T03:05:00.000Z',
      entity_count: 3,
      batches: 2,
      bytes: 5_000_000_000,
      process: { cpu_ms: 30, peak_memory_bytes: 4_096, shared: true },
      progress: { done: 3, total: null },
      due_at: '2026-01-02T03:04:05.000Z',
      created_at: '2026-01-02T03:04:05.678Z',
      started_at: '2026-01-02T03:04:05.688Z',
      finished_at: '2026-01-02T03:04:06.928Z',
      duration_ms: 1_240,
      backend: { package: 'pkg', version: '1.0.0', name: 'sample', app_name: 'app', app_version: '2.0' },
    };
    const log = { lines: [], dropped: 0 };
    expect((await api.get(`/api/v1/runs/${run.id}`)).json()).toEqual({ ...shown, log });
    expect((await page()).runs[0]).toEqual(shown);
  });

  test('what has not happened yet is null', async () => {
    const run = open('edge');
    expect((await api.get(`/api/v1/runs/${run.id}`)).json()).toMatchObject({
      status: 'pending',
      retry_of: null,
      retry_at: null,
      progress: null,
      started_at: null,
      finished_at: null,
      duration_ms: null,
    });
  });

  test('skipped runs are listed, with their reason', async () => {
    const run = open('edge');
    run.status = 'skipped';
    run.reason = 'the run before is still at work';
    api.events.emit('run:finished', { run });
    expect((await page('?status=skipped')).runs).toMatchObject([{ id: run.id, reason: run.reason }]);
  });

  test.each(['nope', '', '%2F', 'x'.repeat(10_000)])('no run is called %s', async (id) => {
    const answer = await api.get(`/api/v1/runs/${id || '%20'}`);
    const name = decodeURIComponent(id || '%20');
    expect([answer.status, answer.json()]).toEqual([404, { detail: `run '${name}' not found` }]);
  });

  test('pages follow each other, newest first, with nothing twice', async () => {
    const ids = Array.from({ length: 25 }, (_, index) => open(index % 2 ? 'odd' : 'even').id).reverse();
    expect((await page()).runs.map(({ id }) => id)).toEqual(ids);
    const seen: unknown[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const { runs, next_cursor }: RunPage = await page(
        `?limit=10${cursor && `&cursor=${encodeURIComponent(cursor)}`}`,
      );
      expect(runs.length).toBeLessThanOrEqual(10);
      seen.push(...runs.map(({ id }) => id));
      cursor = next_cursor;
    }
    expect(seen).toEqual(ids);
  });

  test('policy and status narrow the list', async () => {
    finish(api.events, open('a b'), 'failed', 'x');
    const wanted = finish(api.events, open('a b'), 'completed');
    finish(api.events, open('other'), 'completed');
    expect(await page('?policy=a%20b&status=completed')).toMatchObject({
      runs: [{ id: wanted.id }],
      next_cursor: null,
    });
    expect((await page('?policy=a+b')).runs.length).toBe(2);
    expect(await page('?policy=nobody')).toEqual({ runs: [], next_cursor: null });
    expect(await page('?polcy=other')).toEqual({
      detail: "query parameter 'polcy' is not known here, only: policy, status, limit, cursor",
    });
  });

  test.each([
    ['limit=0', 'limit', 'a whole number from 1 to 1000'],
    ['limit=1001', 'limit', 'a whole number from 1 to 1000'],
    ['limit=', 'limit', 'a whole number from 1 to 1000'],
    ['limit=-1', 'limit', 'a whole number from 1 to 1000'],
    ['limit=1e2', 'limit', 'a whole number from 1 to 1000'],
    ['limit=1.5', 'limit', 'a whole number from 1 to 1000'],
    ['limit=5&limit=6', 'limit', 'a whole number from 1 to 1000'],
    ['policy=a&policy=b', 'policy', 'one name'],
    ['cursor=a&cursor=b', 'cursor', 'one cursor'],
    ['status=', 'status', 'one of pending, running, delivering, completed, failed, cancelled, lost, skipped'],
    [
      'status=Failed',
      'status',
      'one of pending, running, delivering, completed, failed, cancelled, lost, skipped',
    ],
  ])('?%s is refused', async (query, name, wanted) => {
    const answer = await api.get(`/api/v1/runs?${query}`);
    expect([answer.status, answer.json()]).toEqual([
      400,
      { detail: `query parameter '${name}': expected ${wanted}` },
    ]);
  });

  test('a cursor that is none is refused', async () => {
    const answer = await api.get('/api/v1/runs?cursor=nonsense');
    expect(answer.status).toBe(400);
    expect(answer.json()).toHaveProperty('detail', expect.any(String));
  });

  test('1 and 1000 are limits', async () => {
    for (let count = 0; count < 3; count += 1) open('p');
    expect((await page('?limit=1')).runs.length).toBe(1);
    expect((await page('?limit=1000')).runs.length).toBe(3);
  });
});

describe('what the backend of a run has written', () => {
  function write(run: Run, count: number): void {
    for (let index = 0; index < count; index++) {
      const line = { at: run.createdAt + index, level: 'info', message: `line ${index}` } as const;
      api.events.emit('run:logged', { run, line });
    }
  }

  test('is shown while it runs, the latest line last', async () => {
    const run = openedRun('edge');
    api.events.emit('run:opened', { run });
    write(run, 2);
    expect((await api.get(`/api/v1/runs/${run.id}/log`)).json()).toEqual({
      lines: [
        { time: '2026-01-02T03:04:05.678Z', level: 'info', message: 'line 0' },
        { time: '2026-01-02T03:04:05.679Z', level: 'info', message: 'line 1' },
      ],
      dropped: 0,
    });
  });

  test('is shown with the run itself up to its last hundred lines', async () => {
    const run = openedRun('edge');
    api.events.emit('run:opened', { run });
    write(run, 250);
    const { log } = (await api.get(`/api/v1/runs/${run.id}`)).json() as { log: RunLogReply };
    expect([log.lines.length, log.lines.at(-1)?.message, log.dropped]).toEqual([100, 'line 249', 150]);
    const all = (await api.get(`/api/v1/runs/${run.id}/log`)).json() as RunLogReply;
    expect([all.lines.length, all.dropped]).toEqual([250, 0]);
  });

  test('of no run is not found', async () => {
    expect((await api.get('/api/v1/runs/x/log')).json()).toEqual({ detail: "run 'x' not found" });
  });
});
