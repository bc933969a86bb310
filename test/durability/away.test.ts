import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { childEnvironment } from '../../src/backend/child-environment.ts';
import { createBackendHost } from '../../src/backend/create-host.ts';
import { systemClock } from '../../src/clock.ts';
import { createDelivery } from '../../src/delivery/create-delivery.ts';
import { Events } from '../../src/events.ts';
import { createPolicyReader } from '../../src/policy/policy-reader.ts';
import { createPolicyRegistry } from '../../src/policy/registry.ts';
import { createRunCoordinator } from '../../src/run/coordinator.ts';
import { createRunHistory } from '../../src/run/history.ts';
import type { Run } from '../../src/run/run.ts';
import { type Batch, type Sink, SinkError } from '../../src/sink/contract.ts';
import { open, temporaryDirectory } from '../state/support.ts';
import { HeldClock } from '../support/held-clock.ts';

const MIB = 1024 * 1024;
const SECONDS = 3_600;
const ENTITIES = 4;
const ENTITY_BYTES = 16_000;
const STEP_SECONDS = 10;
/** What a run that waits may take in memory beside its entities. */
const MOST_BYTES_A_RUN = 16 * 1024;
const BACKENDS = join(import.meta.dirname, '..', 'torture', 'backends');

/** A receiver that is away until it is back; keeps no entities. */
class AbsentSink implements Sink {
  readonly encoding = 'diode';
  isAway = true;
  callsWhileAway = 0;
  /** What it has taken, by request id. */
  readonly taken = new Map<string, { readonly runId: string; readonly entityCount: number; times: number }>();

  async start(): Promise<void> {}

  async send({ id, run, entityCount }: Batch): Promise<void> {
    if (this.isAway) {
      this.callsWhileAway++;
      throw new SinkError('unavailable', 'away');
    }
    const times = (this.taken.get(id)?.times ?? 0) + 1;
    this.taken.set(id, { runId: run.runId, entityCount, times });
  }

  health(): { ok: boolean; reason: string } {
    return { ok: true, reason: '' };
  }

  async close(): Promise<void> {}
}

/** All rooms of a daemon with a data directory, whose time stands still; its children live by the real one. */
async function daemonOf(sink: Sink, clock: HeldClock) {
  const log = pino({ level: 'silent' });
  const state = await open(temporaryDirectory(), { clock, bounds: { dataMaxBytes: 4_000 * MIB } });
  const events = new Events((_name, fault) => {
    throw fault;
  });
  const host = createBackendHost({
    clock: systemClock,
    log,
    bundlesRoot: undefined,
    backendsDirs: [BACKENDS],
    workingDirectory: BACKENDS,
    memoryMiB: 256,
    env: childEnvironment(process.env, []),
  });
  const delivery = createDelivery({ sink, clock, log, store: state.batches });
  const history = createRunHistory({ events, clock, archive: state.runs });
  const coordinator = createRunCoordinator({
    clock,
    log,
    events,
    delivery,
    encoding: sink.encoding,
    closeBatchAfterMs: 1_000,
    concurrency: Number.POSITIVE_INFINITY,
    runTimeoutMs: undefined,
  });
  const registry = createPolicyRegistry({
    clock,
    log,
    events,
    host,
    coordinator,
    history,
    reader: async () => createPolicyReader({ env: {}, allowEnv: [], hostTimezone: 'UTC' }),
    store: state.policies,
  });
  onTestFinished(async () => {
    registry.stop();
    await coordinator.stop(0);
    await host.stop();
  });
  return { events, delivery, history, registry };
}

/** Of this process, after everything that nobody holds is gone. */
function heapBytes(): number {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  if (typeof collect === 'function') collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await pause(1);
}

test('runs of an hour for a Diode that is away are all delivered when it is back, and take no memory meanwhile', async () => {
  const sink = new AbsentSink();
  const clock = new HeldClock(Math.floor(Date.now() / 1_000) * 1_000);
  const { events, delivery, history, registry } = await daemonOf(sink, clock);
  const ended: Readonly<Run>[] = [];
  let delivering = 0;
  events.on('run:delivering', () => {
    delivering++;
  });
  events.on('run:finished', ({ run }) => ended.push(run));
  const work = { count: ENTITIES, bytes: ENTITY_BYTES, journal: join(temporaryDirectory(), 'journal') };
  const policy = {
    config: { package: 'numbered', schedule: '* * * * * *' },
    scope: work,
    run: { overlap: 'allow' },
  };
  await registry.apply(Buffer.from(JSON.stringify({ policies: { edge: policy } })), 'loopback');

  let early = 0;
  for (let seconds = STEP_SECONDS; seconds <= SECONDS; seconds += STEP_SECONDS) {
    await clock.advance(STEP_SECONDS * 1_000);
    await until(() => delivering === seconds);
    if (seconds === SECONDS / 6) early = heapBytes();
  }
  const late = heapBytes();
  const waiting = delivery.snapshot();
  expect(waiting).toMatchObject({ waitingBatches: SECONDS, waitingEntities: SECONDS * ENTITIES });
  expect(waiting.waitingBytes).toBeGreaterThan(3 * 64 * MIB);
  // One that asks, once in a while, for all of them.
  expect(sink.callsWhileAway).toBeLessThan(400);
  expect(late - early).toBeLessThan((SECONDS * 5 * MOST_BYTES_A_RUN) / 6);

  await registry.delete('edge');
  sink.isAway = false;
  await clock.advance(60_000);
  await until(() => ended.length === SECONDS);
  expect(new Set(ended.map(({ status }) => status))).toEqual(new Set(['completed']));
  expect(new Set(ended.map(({ entityCount }) => entityCount))).toEqual(new Set([ENTITIES]));
  expect(delivery.totals()).toEqual({ waitingBatches: 0, waitingBytes: 0, waitingEntities: 0 });
  const taken = [...sink.taken.values()];
  expect(new Set(taken.map(({ runId }) => runId)).size).toBe(SECONDS);
  expect(taken.every(({ entityCount, times }) => entityCount === ENTITIES && times === 1)).toBe(true);
  const last = ended.at(-1)?.id ?? '';
  const [receipt] = await delivery.receipts(last);
  expect(receipt?.outcome).toBe('acknowledged');
  const { acceptedAt = 0, keptAt = 0, firstSentAt = 0, settledAt = 0 } = receipt ?? {};
  const moments = [acceptedAt, keptAt, firstSentAt, settledAt];
  expect(moments).toEqual(moments.toSorted((a, b) => a - b));
  expect((await history.get(last))?.status).toBe('completed');
}, 120_000);
