import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ServerCredentials } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { StartError } from '../../src/errors.ts';
import { Events } from '../../src/events.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { type Metrics, startMetrics } from '../../src/telemetry/metrics.ts';
import { Tally } from '../../src/telemetry/tally.ts';
import { HeldClock } from '../support/held-clock.ts';
import { Collector } from './collector.ts';
import { Lines } from './lines.ts';
import { aRun } from './runs.ts';

const PERIOD_MS = 5_000;

interface Exporting {
  readonly events: Events;
  readonly clock: HeldClock;
  readonly lines: Lines;
  readonly metrics: Metrics;
}

function startTo(endpoint: string, periodSeconds = PERIOD_MS / 1_000): Exporting {
  const events = new Events((_, fault) => {
    throw fault;
  });
  const clock = new HeldClock();
  const lines = new Lines();
  const log = createLog({ level: 'info', format: 'text', destination: lines });
  const tally = new Tally(events, clock.now());
  const metrics = startMetrics({ endpoint, periodSeconds, tally, log, clock, version: '1.2.3' });
  return { events, clock, lines, metrics };
}

/** Lets a period pass, and waits until what was exported then is answered and the next period has begun. */
async function nextExport(clock: HeldClock, collector: Collector): Promise<void> {
  const arrived = collector.arrival();
  await clock.advance(PERIOD_MS);
  await arrived;
  if (!collector.hangs) await vi.waitUntil(() => clock.pending > 0, { timeout: 15_000, interval: 5 });
}

const BOUNDS = [0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1_000, 2_500, 5_000, 7_500, 10_000];
const OF_RUN = { policy: 'edge', backend: 'host_backend', app_name: 'host app', app_version: '1.2' };

describe('what is exported', () => {
  test('policies, runs and requests arrive with names, units, kinds and attributes of the sheet', async () => {
    await using collector = await Collector.start();
    const { events, clock, metrics } = startTo(`grpc://127.0.0.1:${collector.port}`);
    const run = aRun('completed');
    events.emit('policy:applied', { policy: 'edge', backend: 'host' });
    events.emit('run:started', { run });
    events.emit('run:finished', { run });
    events.emit('api:answered', {
      route: '/api/v1/policies/{name}',
      method: 'DELETE',
      statusCode: 200,
      durationMs: 3.5,
    });
    await nextExport(clock, collector);

    const [received] = collector.exports;
    expect(received?.scope).toEqual({ name: 'orb-worker', version: '1.2.3' });
    expect(received?.resource).toMatchObject({ 'service.name': 'orb-worker', 'service.version': '1.2.3' });
    const sum = { kind: 'sum', isCumulative: true, unit: '1' };
    const histogram = { kind: 'histogram', isMonotonic: false, isCumulative: true, unit: 'ms' };
    expect(received?.metrics.toSorted((a, b) => (a.name < b.name ? -1 : 1))).toEqual([
      {
        ...sum,
        name: 'active_policies',
        isMonotonic: false,
        points: [{ attributes: { policy: 'edge' }, value: 1 }],
      },
      {
        ...sum,
        name: 'api_requests',
        isMonotonic: true,
        points: [{ attributes: { path: '/api/v1/policies/{name}', method: 'DELETE' }, value: 1 }],
      },
      {
        ...histogram,
        name: 'api_response_latency',
        points: [
          {
            attributes: { path: '/api/v1/policies/{name}', method: 'DELETE', status_code: 200 },
            count: 1,
            sum: 3.5,
            bounds: BOUNDS,
            buckets: [0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
          },
        ],
      },
      {
        ...histogram,
        name: 'backend_execution_latency',
        points: [
          {
            attributes: OF_RUN,
            count: 1,
            sum: 120,
            bounds: BOUNDS,
            buckets: [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0],
          },
        ],
      },
      {
        ...sum,
        name: 'backend_execution_success',
        isMonotonic: true,
        points: [{ attributes: OF_RUN, value: 1 }],
      },
      {
        ...sum,
        name: 'policy_executions',
        isMonotonic: true,
        points: [{ attributes: { policy: 'edge' }, value: 1 }],
      },
    ]);
    await metrics.stop();
  });

  test('successes and failures add up to executions, whatever becomes of runs', async () => {
    await using collector = await Collector.start();
    const { events, clock, metrics } = startTo(`http://127.0.0.1:${collector.port}`);
    for (const status of ['completed', 'failed', 'cancelled', 'lost'] as const) {
      const run = aRun(status);
      events.emit('run:started', { run });
      events.emit('run:finished', { run });
    }
    for (const status of ['failed', 'lost', 'cancelled', 'skipped'] as const) {
      events.emit('run:finished', { run: aRun(status, { startedAt: undefined }) });
    }
    await nextExport(clock, collector);

    const countOf = (name: string): number | undefined => collector.metric(name)?.points[0]?.value;
    expect(countOf('policy_executions')).toBe(6);
    expect(countOf('backend_execution_success')).toBe(1);
    expect(countOf('backend_execution_failure')).toBe(5);
    expect(collector.metric('backend_execution_latency')?.points[0]?.count).toBe(6);
    await metrics.stop();
  });

  test('numbers go on from export to export, and a deleted policy is active no more', async () => {
    await using collector = await Collector.start();
    const { events, clock, metrics } = startTo(`grpc://127.0.0.1:${collector.port}`);
    events.emit('policy:applied', { policy: 'a', backend: 'host' });
    events.emit('policy:applied', { policy: 'b', backend: 'host' });
    events.emit('run:started', { run: aRun('running', { policy: 'a' }) });
    await nextExport(clock, collector);
    events.emit('policy:deleted', { policy: 'a' });
    events.emit('run:started', { run: aRun('running', { policy: 'a' }) });
    await nextExport(clock, collector);

    expect(collector.metric('policy_executions')?.points).toEqual([
      { attributes: { policy: 'a' }, value: 2 },
    ]);
    expect(collector.metric('active_policies')?.points).toEqual([
      { attributes: { policy: 'a' }, value: 0 },
      { attributes: { policy: 'b' }, value: 1 },
    ]);
    await metrics.stop();
  });

  test('ten thousand policies are told apart, in calls that a gRPC server takes', async () => {
    await using collector = await Collector.start();
    const { events, clock, metrics } = startTo(`grpc://127.0.0.1:${collector.port}`);
    for (let n = 0; n < 10_000; n += 1) {
      events.emit('policy:applied', { policy: `policy-${n}`, backend: 'host' });
      const run = aRun('completed', { policy: `policy-${n}` });
      events.emit('run:started', { run });
      events.emit('run:finished', { run });
    }
    const first = collector.arrival();
    await clock.advance(PERIOD_MS);
    await first;
    while (collector.exports.length < 8) await collector.arrival();

    const points = collector.exports
      .flatMap(({ metrics: received }) => received)
      .filter(({ name }) => name === 'backend_execution_latency')
      .flatMap((metric) => metric.points);
    expect(new Set(points.map(({ attributes }) => attributes.policy)).size).toBe(10_000);
    expect(Math.max(...collector.requestBytes)).toBeLessThan(4 * 1024 * 1024);
    await metrics.stop();
  });
});

describe('start and stop', () => {
  test('a stop exports a last time and leaves no timer and no socket', async () => {
    await using collector = await Collector.start();
    const { events, clock, metrics } = startTo(`grpc://127.0.0.1:${collector.port}`);
    events.emit('policy:applied', { policy: 'edge', backend: 'host' });
    await nextExport(clock, collector);
    events.emit('policy:deleted', { policy: 'edge' });
    await metrics.stop();
    expect(collector.metric('active_policies')?.points).toEqual([
      { attributes: { policy: 'edge' }, value: 0 },
    ]);
    expect(clock.pending).toBe(0);
    // Both ends are in this process: the collector's end goes when ours has.
    await vi.waitUntil(() => !process.getActiveResourcesInfo().includes('TCPSocketWrap'), {
      timeout: 15_000,
      interval: 5,
    });
    const count = collector.exports.length;
    events.emit('policy:applied', { policy: 'late', backend: 'host' });
    await clock.advance(10 * PERIOD_MS);
    expect(collector.exports).toHaveLength(count);
  });

  test('a collector that does not answer holds a stop up for half a second at most', async () => {
    await using collector = await Collector.start();
    collector.hangs = true;
    const { events, clock, metrics } = startTo(`grpc://127.0.0.1:${collector.port}`);
    events.emit('policy:applied', { policy: 'edge', backend: 'host' });
    await nextExport(clock, collector);
    let stopped = false;
    const stopping = metrics.stop().then(() => {
      stopped = true;
    });
    await clock.advance(499);
    expect(stopped).toBe(false);
    await clock.advance(1);
    await stopping;
    expect(clock.pending).toBe(0);
  });

  test('without a period there is one ERROR line and no metrics', async () => {
    const { events, clock, lines, metrics } = startTo('grpc://127.0.0.1:1', 0);
    expect(lines.take()).toEqual([
      'ERROR: worker.metrics: Failed to setup metrics export: --otel-export-period must be at least 1 second',
    ]);
    events.emit('policy:applied', { policy: 'edge', backend: 'host' });
    expect(clock.pending).toBe(0);
    await metrics.stop();
  });

  test('a collector that is away costs one line a minute, and gets everything when it is back', async () => {
    const gone = await Collector.start();
    const { port } = gone;
    await gone[Symbol.asyncDispose]();
    const { events, clock, lines, metrics } = startTo(`grpc://127.0.0.1:${port}`, 1);
    lines.take();
    events.emit('policy:applied', { policy: 'edge', backend: 'host' });

    const written: string[] = [];
    const until = Date.now() + 10_000;
    while (written.length < 2 && Date.now() < until) {
      await clock.advance(1_000);
      written.push(...lines.take());
    }
    expect(written[0]).toMatch(
      new RegExp(`^WARNING: worker.metrics: Unable to export metrics to 127.0.0.1:${port}: .*UNAVAILABLE`),
    );
    expect(written[1]).toMatch(/ \(\d+ more times?\)$/);
    expect(written).toHaveLength(2);
    await metrics.stop();
    expect(clock.pending).toBe(0);
  });
});

describe('the endpoint', () => {
  const file = (name: string): string => fileURLToPath(new URL(`../support/tls/${name}`, import.meta.url));
  const tls = ServerCredentials.createSsl(null, [
    { private_key: readFileSync(file('server.key')), cert_chain: readFileSync(file('server.crt')) },
  ]);
  beforeEach(() => vi.stubEnv('OTEL_EXPORTER_OTLP_CERTIFICATE', file('ca.crt')));
  afterEach(() => vi.unstubAllEnvs());

  test.each(['grpcs://', 'https://', 'GRPCS://', ''])('%s is TLS', async (scheme) => {
    await using collector = await Collector.start(tls);
    const { events, clock, metrics } = startTo(`${scheme}localhost:${collector.port}`);
    events.emit('policy:applied', { policy: 'edge', backend: 'host' });
    await nextExport(clock, collector);
    expect(collector.metric('active_policies')?.points).toHaveLength(1);
    await metrics.stop();
  });

  test.each(['grpcs://', 'https://', ''])('%s is never turned into plain text', async (scheme) => {
    await using collector = await Collector.start();
    const { events, clock, lines, metrics } = startTo(`${scheme}localhost:${collector.port}`);
    events.emit('policy:applied', { policy: 'edge', backend: 'host' });
    await clock.advance(PERIOD_MS);
    await vi.waitUntil(() => lines.text.includes('Unable to export metrics'), {
      interval: 5,
      timeout: 15_000,
    });
    await metrics.stop();
    expect(collector.exports).toEqual([]);
  });

  test.each(['ftp://collector:4317', 'grpc://', '', 'http://[', 'a b:1', 'unix:///run/otel.sock'])(
    "'%s' is refused before anything starts",
    (endpoint) => {
      expect(() => startTo(endpoint)).toThrow(StartError);
      expect(() => startTo(endpoint)).toThrow(/--otel-endpoint should be host:port or start with grpc:/);
    },
  );
});
