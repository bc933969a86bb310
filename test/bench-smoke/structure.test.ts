// What makes the figures of test/bench possible, as far as it can be counted: no test here looks at the time.
import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BATCH_HEADER, batchFrameHead, type FrameKind, FrameReader } from '../../src/backend/frames.ts';
import { encodeIngestRequest } from '../../src/sink/diode/request.ts';
import { MessageBuffers } from '../../src/sink/grpc/message-buffers.ts';
import { compileCron } from '../../src/trigger/cron.ts';
import { CronTrigger } from '../../src/trigger/cron-trigger.ts';
import { Schedule } from '../../src/trigger/schedule.ts';
import { memoryOf } from '../bench/support/bench-daemon.ts';
import { FakeDiode } from '../support/fake-diode.ts';
import { HeldClock } from '../support/held-clock.ts';
import { descendantsOf, RealDaemon } from '../support/real-daemon.ts';

const backends = fileURLToPath(new URL('../bench/backends', import.meta.url));
const POLICIES = 1_000;

describe('a daemon that sends', () => {
  let diode: FakeDiode;
  let daemon: RealDaemon;

  beforeEach(async () => {
    diode = await FakeDiode.start({ keepRequests: false });
    const client = ['--diode-client-id', 'me', '--diode-client-secret', 'secret'];
    daemon = await RealDaemon.start(['--backends-dir', backends, '--diode-target', diode.target, ...client]);
  });

  afterEach(async () => {
    await daemon.stop();
    await diode.stop();
  });

  const apply = async (policies: number, entities: number): Promise<void> => {
    const lines = Array.from(
      { length: policies },
      (_, index) => `  p${index}: { config: { package: devices }, scope: { count: ${entities} } }\n`,
    );
    expect((await daemon.apply(`policies:\n${lines.join('')}`)).status).toBe(201);
  };

  test(`runs ${POLICIES} policies with one token, one channel and a child for each core`, async () => {
    await apply(POLICIES, 2);
    await diode.acknowledgedEntities(2 * POLICIES);
    expect(diode.acknowledged.calls).toBe(POLICIES);
    expect(diode.tokenRequests).toHaveLength(1);
    // One for the token, one for all calls.
    expect(diode.connections).toBeLessThanOrEqual(2);
    const spare = 1;
    expect(descendantsOf(daemon.process.pid ?? 0).length).toBeLessThanOrEqual(availableParallelism() + spare);
  });

  test('needs no more memory for the rest of a long run than for its beginning', async () => {
    const entities = 300_000;
    await apply(1, entities);
    await diode.acknowledgedEntities(entities / 3);
    const pids = [daemon.process.pid ?? 0, ...descendantsOf(daemon.process.pid ?? 0)];
    const early = pids.map((pid) => memoryOf(pid, 'VmHWM'));
    await diode.acknowledgedEntities(entities);
    const late = pids.map((pid) => memoryOf(pid, 'VmHWM'));
    for (const [index, most] of late.entries()) {
      expect(most).toBeLessThan(250);
      expect(most - (early[index] ?? 0)).toBeLessThan(60);
    }
  });
});

test(`${POLICIES} schedules share one timer`, () => {
  const clock = new HeldClock();
  const schedule = new Schedule(clock);
  for (let index = 0; index < POLICIES; index++) {
    const cron = compileCron(`${index % 60} ${index % 24} * * *`, 'Europe/Berlin');
    new CronTrigger(schedule, clock, cron).start(() => undefined);
  }
  expect(schedule.size).toBe(POLICIES);
  expect(clock.pending).toBe(1);
});

describe('a batch', () => {
  function throughChannel(entities: Buffer): Buffer {
    const bodies: Buffer[] = [];
    const reader = new FrameReader({
      limitOf: () => Number.POSITIVE_INFINITY,
      onFrame: (_kind: FrameKind, body: Buffer) => bodies.push(body),
    });
    const frame = Buffer.concat([batchFrameHead(1, 1, entities.length), entities]);
    for (let at = 0; at < frame.length; at += 65_536) reader.push(frame.subarray(at, at + 65_536));
    const [body] = bodies;
    if (body === undefined || bodies.length > 1) throw new Error(`${bodies.length} frames came`);
    return body.subarray(BATCH_HEADER);
  }

  function partsOf(bytes: Buffer): readonly Buffer[] {
    const run = { runId: 'r', policyName: 'p', backend: 'b', appName: 'a', appVersion: '1' };
    const sender = { name: 'orb-worker', version: '0.0.0', appNamePrefix: undefined };
    return encodeIngestRequest({ id: 'i', run, entityCount: 1, bytes }, sender);
  }

  test('is copied once from the channel, into memory that was reserved once, and its message is made there', () => {
    const entities = randomBytes(3 * 2 ** 20);
    const bytes = throughChannel(entities);
    expect(bytes.equals(entities)).toBe(true);
    expect(bytes.buffer.byteLength - bytes.length).toBeLessThan(4_096);
    const message = new MessageBuffers().join(partsOf(bytes));
    expect(message.buffer).toBe(bytes.buffer);
    expect(message.equals(Buffer.concat(partsOf(entities)))).toBe(true);
  });

  test('goes into its message as it came', () => {
    const bytes = randomBytes(1_000);
    const parts = partsOf(bytes);
    expect(parts).toContain(bytes);
    const beside = parts.reduce((sum, part) => sum + part.length, 0) - bytes.length;
    expect(beside).toBeLessThan(bytes.length);
  });
});
