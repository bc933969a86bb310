import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { UnavailableError } from '../../../src/errors.ts';
import { Events } from '../../../src/events.ts';
import { moveTo, type Run } from '../../../src/run/run.ts';
import type { SinkHealth } from '../../../src/sink/contract.ts';
import { createScrape } from '../../../src/telemetry/prometheus/scrape.ts';
import type { MetricSources } from '../../../src/telemetry/prometheus/sources.ts';
import { Tally } from '../../../src/telemetry/tally.ts';
import { type ParsedFamily, parsePrometheus } from '../../support/prometheus-text.ts';
import { aRun } from '../runs.ts';

/** Something waits, and something was refused. */
const snapshot = {
  waitingBatches: 2,
  waitingBytes: 300,
  waitingEntities: 40,
  oldestAgeMs: 1_500,
  lastError: undefined,
  nextTryAt: undefined,
  misfits: 1,
  letters: 3,
  rejectedEntities: 6,
};

interface Changes {
  readonly state?: MetricSources['state'];
  readonly health?: SinkHealth;
  readonly children?: { pid: number; package: string | undefined; runs: number }[];
  readonly isStopping?: () => boolean;
}

function setUp({
  health = { ok: true, reason: '' },
  children = [],
  isStopping = () => false,
  state,
}: Changes = {}) {
  const events = new Events((_, fault) => {
    throw fault;
  });
  const tally = new Tally(events, Date.now());
  const scrape = createScrape({
    tally,
    registry: { unable: () => ({ count: 2, example: { name: 'b', reason: 'gone' } }) },
    host: { children: () => children },
    delivery: { snapshot: () => snapshot },
    state,
    sink: { health: () => health },
    droppedLogLines: () => 7,
    clock: systemClock,
    version: '1.2.3',
    isStopping,
  });
  const text = async (): Promise<string> => Buffer.concat(await scrape()).toString();
  const families = async (): Promise<Map<string, ParsedFamily>> => parsePrometheus(await text());
  return { events, tally, scrape, text, families };
}

/** `name{labels}` and value of each sample of a family. */
function samplesOf(families: Map<string, ParsedFamily>, name: string): Record<string, number> {
  const samples = families.get(name)?.samples ?? [];
  return Object.fromEntries(samples.map(({ labels, value }) => [Object.values(labels).join(' '), value]));
}

function runThrough(events: Events, run: Run): void {
  events.emit('run:started', { run });
  events.emit('run:finished', { run });
}

describe('a scrape', () => {
  test('tells what happened to policies and runs', async () => {
    const { events, families } = setUp();
    events.emit('policy:applied', { policy: 'edge', backend: 'host' });
    events.emit('policy:applied', { policy: 'idle', backend: 'host' });
    runThrough(events, aRun('completed'));
    runThrough(events, aRun('completed'));
    runThrough(events, aRun('failed', { finishedAt: aRun('failed').createdAt + 20_000 }));
    events.emit('run:finished', { run: aRun('skipped', { startedAt: undefined }) });
    const all = await families();
    expect(samplesOf(all, 'active_policies')).toEqual({ edge: 1, idle: 1 });
    expect(samplesOf(all, 'policy_executions_total')).toEqual({ edge: 3, idle: 0 });
    const labels = 'edge host_backend host app 1.2';
    expect(samplesOf(all, 'backend_execution_success_total')).toEqual({ [labels]: 2 });
    expect(samplesOf(all, 'backend_execution_failure_total')).toEqual({ [labels]: 1 });
    expect(samplesOf(all, 'backend_execution_latency_milliseconds')).toMatchObject({
      [`${labels} 100`]: 0,
      [`${labels} 250`]: 2,
      [`${labels} 10000`]: 2,
      [`${labels} +Inf`]: 3,
    });
    expect(samplesOf(all, 'orb_worker_runs_ended_total')).toEqual({
      completed: 2,
      failed: 1,
      cancelled: 0,
      lost: 0,
      skipped: 1,
    });
    expect(samplesOf(all, 'orb_worker_policies')).toEqual({ '': 2 });
  });

  test('tells in which state runs are now', async () => {
    const { events, families } = setUp();
    const runs = Array.from({ length: 3 }, () => aRun('pending', { startedAt: undefined }));
    for (const run of runs) events.emit('run:opened', { run });
    for (const run of runs.slice(1)) moveTo(run, 'running', Date.now());
    for (const run of runs.slice(2)) moveTo(run, 'delivering', Date.now());
    expect(samplesOf(await families(), 'orb_worker_runs')).toEqual({ pending: 1, running: 1, delivering: 1 });
    const [, , last = expect.fail()] = runs;
    moveTo(last, 'completed', Date.now());
    events.emit('run:finished', { run: last });
    expect(samplesOf(await families(), 'orb_worker_runs')).toEqual({ pending: 1, running: 1, delivering: 0 });
  });

  test("tells what the daemon's parts are doing", async () => {
    const children = [
      { pid: process.pid, package: 'host', runs: 2 },
      { pid: process.pid, package: 'host', runs: 1 },
      { pid: 2 ** 22 + 1, package: undefined, runs: 0 },
    ];
    const health = { ok: false, reason: 'away', token: 'fetching', channel: 'transient_failure' } as const;
    const { events, families } = setUp({ children, health });
    events.emit('batch:delivered', { run: aRun('running'), entityCount: 5, bytes: 100 });
    events.emit('batch:delivered', { run: aRun('running'), entityCount: 6, bytes: 200 });
    const all = await families();
    const value = (name: string): number | undefined => samplesOf(all, name)[''];
    expect(samplesOf(all, 'orb_worker_children')).toEqual({ host: 2, '': 1 });
    expect(samplesOf(all, 'orb_worker_children_runs')).toEqual({ host: 3, '': 0 });
    const memory = samplesOf(all, 'orb_worker_children_resident_memory_bytes');
    expect(Object.keys(memory)).toEqual(['host']);
    expect(memory.host).toBeGreaterThan(2 * 10 * 1024 * 1024);
    expect(value('orb_worker_delivery_waiting_batches')).toBe(2);
    expect(value('orb_worker_delivery_oldest_batch_age_seconds')).toBe(1.5);
    expect(value('orb_worker_policies_unable')).toBe(2);
    expect(value('orb_worker_delivery_misfit_batches')).toBe(1);
    expect(value('orb_worker_delivery_rejected_entities_total')).toBe(6);
    expect(value('orb_worker_dead_letters')).toBe(3);
    expect(value('orb_worker_delivery_entities_total')).toBe(11);
    expect(value('orb_worker_delivery_bytes_total')).toBe(300);
    expect(value('orb_worker_log_dropped_lines_total')).toBe(7);
    expect(value('orb_worker_sink_up')).toBe(0);
    expect(samplesOf(all, 'orb_worker_sink_token')).toEqual({ none: 0, fetching: 1, valid: 0 });
    expect(samplesOf(all, 'orb_worker_sink_channel')).toMatchObject({ transient_failure: 1, ready: 0 });
  });

  test('tells of the data directory where there is one', async () => {
    const names = ['up', 'bytes', 'commits_total', 'commit_seconds_total'];
    const valuesOf = async (state?: MetricSources['state']): Promise<(number | undefined)[]> => {
      const all = await setUp({ state }).families();
      return names.map((name) => samplesOf(all, `orb_worker_state_${name}`)['']);
    };
    const figures = () => ({ bytes: 4_096, commits: 7, commitMs: 1_500 });
    const full = { ok: false, reason: 'no space left on the device' };
    expect(await valuesOf()).toEqual(names.map(() => undefined));
    expect(await valuesOf({ health: () => full, figures })).toEqual([0, 4_096, 7, 1.5]);
    expect(await valuesOf({ health: () => ({ ok: true, reason: '' }), figures })).toEqual([1, 4_096, 7, 1.5]);
  });

  test('tells of process and event loop, from the second time on what was between', async () => {
    const { families } = setUp();
    await families();
    await new Promise((resolve) => systemClock.after(50, () => resolve(undefined)));
    const all = await families();
    const value = (name: string): number => samplesOf(all, name)[''] ?? Number.NaN;
    expect(value('process_cpu_seconds_total')).toBeGreaterThan(0);
    expect(Math.abs(value('process_start_time_seconds') - performance.timeOrigin / 1_000)).toBeLessThan(1);
    expect(value('process_resident_memory_bytes')).toBeGreaterThan(2 ** 24);
    expect(value('process_open_fds')).toBeGreaterThan(3);
    expect(value('process_max_fds')).toBeGreaterThan(value('process_open_fds'));
    expect(value('nodejs_eventloop_lag_p99_seconds')).toBeGreaterThan(0.005);
    expect(value('nodejs_eventloop_lag_p99_seconds')).toBeLessThan(10);
    expect(samplesOf(all, 'nodejs_heap_space_size_used_bytes').old).toBeGreaterThan(0);
    expect(samplesOf(all, 'nodejs_version_info')).toEqual({
      [`${process.version} ${process.versions.node.split('.').join(' ')}`]: 1,
    });
  });
});

describe('the number of series', () => {
  test('is fixed for a policy, whatever its versions, and 0 once it was deleted', async () => {
    const { events, text } = setUp();
    const linesOf = async (policy: string): Promise<number> =>
      (await text()).split('\n').filter((line) => line.includes(`policy="${policy}"`)).length;
    events.emit('policy:applied', { policy: 'edge', backend: 'host' });
    const runOf = (appVersion: string): Run => {
      const run = aRun('completed');
      return { ...run, backend: { ...run.backend, appVersion } };
    };
    expect(await linesOf('edge')).toBe(2);
    runThrough(events, runOf('1'));
    expect(await linesOf('edge')).toBe(22);
    for (const version of ['2', '3', '4', '5']) runThrough(events, runOf(version));
    expect(await linesOf('edge')).toBe(42);
    events.emit('policy:deleted', { policy: 'edge' });
    runThrough(events, runOf('5'));
    expect(await linesOf('edge')).toBe(0);
    events.emit('policy:applied', { policy: 'edge', backend: 'host' });
    expect(await linesOf('edge')).toBeGreaterThan(0);
  });

  test('does not grow with what strangers call or invent', async () => {
    const { events, text, tally } = setUp();
    for (let n = 0; n < 5_000; n += 1) {
      events.emit('api:answered', { route: '(none)', method: `M${n}`, statusCode: 404, durationMs: 1 });
      events.emit('policy:applied', { policy: `p${n}`, backend: 'host' });
      runThrough(events, aRun('completed', { policy: `p${n}` }));
      events.emit('policy:deleted', { policy: `p${n}` });
    }
    const lines = (await text()).split('\n');
    expect(lines.filter((line) => line.startsWith('api_requests_total'))).toEqual([
      'api_requests_total{path="(none)",method="_OTHER"} 5000',
    ]);
    expect(lines.filter((line) => line.includes('policy="'))).toEqual([]);
    expect(tally.policies.size).toBeLessThanOrEqual(1_000);
  });

  test('has an end for policies, and says how many are left out', async () => {
    const { events, families } = setUp();
    for (let n = 0; n < 10_050; n += 1) events.emit('policy:applied', { policy: `p${n}`, backend: 'host' });
    const all = await families();
    expect(all.get('active_policies')?.samples).toHaveLength(10_000);
    expect(samplesOf(all, 'orb_worker_policies')).toEqual({ '': 10_050 });
    expect(samplesOf(all, 'orb_worker_policies_left_out')).toEqual({ '': 50 });
  });
});

describe('names', () => {
  test('of any kind are read back as they were, and long ones stay different', async () => {
    const name = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc.constantFrom('\\', '"', '\n', '\\n', '{}', '",le="1', 'a b', '', '\r', '\u2028', '#', '☃'),
    );
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(name, { maxLength: 10 }), async (names) => {
        const { events, families } = setUp();
        for (const policy of names) {
          events.emit('policy:applied', { policy, backend: 'host' });
          runThrough(events, aRun('completed', { policy }));
        }
        expect(Object.keys(samplesOf(await families(), 'active_policies')).sort()).toEqual([...names].sort());
      }),
      { numRuns: 20 },
    );
    const { events, families } = setUp();
    const long = ['a', 'b'].map((end) => 'x'.repeat(10_000) + end);
    for (const policy of long) events.emit('policy:applied', { policy, backend: 'host' });
    const shown = Object.keys(samplesOf(await families(), 'active_policies'));
    expect(shown).toHaveLength(2);
    for (const label of shown) expect(label).toMatch(/^x{200}\.\.\.[0-9a-f]{16}$/);
  });
});

describe('a large scrape', () => {
  test('gives everybody else a turn, again and again, and is made once for all who ask meanwhile', async () => {
    const { events, scrape } = setUp();
    for (let n = 0; n < 5_000; n += 1) {
      events.emit('policy:applied', { policy: `p${n}`, backend: 'host' });
      runThrough(events, aRun('completed', { policy: `p${n}` }));
    }
    let turns = 0;
    let isOver = false;
    const count = (): void => {
      turns += 1;
      if (!isOver) setImmediate(count);
    };
    setImmediate(count);
    const [one, other] = await Promise.all([scrape(), scrape()]);
    isOver = true;
    expect(one).toBe(other);
    expect(turns).toBeGreaterThan(8);
    expect(await scrape()).not.toBe(one);
  });

  test('ends with the daemon', async () => {
    let isStopping = false;
    const { events, scrape } = setUp({ isStopping: () => isStopping });
    for (let n = 0; n < 10_000; n += 1) {
      events.emit('policy:applied', { policy: `p${n}`, backend: 'host' });
      runThrough(events, aRun('completed', { policy: `p${n}` }));
    }
    const scraping = scrape();
    const refused = expect(scraping).rejects.toThrow(new UnavailableError('the daemon is stopping'));
    setImmediate(() => {
      isStopping = true;
    });
    await refused;
  });
});
