import { status } from '@grpc/grpc-js';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import type { Delivery, RunDelivery } from '../../src/delivery/contract.ts';
import { createDelivery } from '../../src/delivery/create-delivery.ts';
import { BatchBuilder, type EncodedBatch } from '../../src/entity/batch-builder.ts';
import { entityTexts } from '../../src/entity/read-batch.ts';
import { Secrets } from '../../src/secrets.ts';
import type { RunIdentity } from '../../src/sink/contract.ts';
import { createDiodeSink } from '../../src/sink/diode/create-diode-sink.ts';
import { parseTarget } from '../../src/sink/target.ts';
import { FakeDiode } from '../support/fake-diode.ts';
import { decodeIngest } from '../support/fake-diode-decode.ts';
import { ingestReplyWithErrors } from '../support/fake-diode-wire.ts';

const log = pino({ level: 'silent' });

/** Delivery and sink as the daemon wires them, but that retries do not wait. */
async function startDelivery(diode: FakeDiode): Promise<Delivery & AsyncDisposable> {
  const sink = createDiodeSink({
    target: parseTarget(diode.target),
    clientId: 'me',
    clientSecret: 'secret',
    appNamePrefix: undefined,
    version: '0.1.0',
    clock: systemClock,
    log,
    env: {},
    secrets: new Secrets(),
  });
  await sink.start();
  const delivery = createDelivery({ sink, clock: systemClock, log, random: () => 0.02 });
  return Object.assign(delivery, {
    async [Symbol.asyncDispose]() {
      await delivery.stop();
      await sink.close();
    },
  });
}

function identity(runId: string): RunIdentity {
  return { runId, policyName: 'edge', backend: 'sample', appName: 'collector', appVersion: '1' };
}

function* encodeDevices(runId: string, count: number): Generator<EncodedBatch> {
  const builder = new BatchBuilder({ encoding: 'diode', runId, now: Date.now });
  for (let index = 0; index < count; index += 1) {
    const closed = builder.add({ device: { name: `device-${String(index).padStart(6, '0')}` } });
    if (closed !== undefined) yield closed;
  }
  const last = builder.close();
  if (last !== undefined) yield last;
}

/** As a run does: room first, then the batch. */
async function deliverDevices(run: RunDelivery, runId: string, count: number): Promise<void> {
  for (const batch of encodeDevices(runId, count)) {
    await run.reserve(batch.bytes.length);
    run.accept({ id: crypto.randomUUID(), run: identity(runId), ...batch });
  }
}

test('200,000 devices arrive once each, in order, in messages that the server takes', async () => {
  await using diode = await FakeDiode.start();
  await using delivery = await startDelivery(diode);
  const run = delivery.open({ runId: 'run-1', policy: 'edge' }, () => undefined);
  await deliverDevices(run, 'run-1', 200_000);
  expect(await run.finish()).toMatchObject({ acknowledged: 200_000, failure: undefined });
  expect(diode.acknowledged.entities).toBe(200_000);
  expect(Math.max(...diode.requests.map(({ size }) => size))).toBeLessThan(4 * 1024 * 1024);
  const last = decodeIngest(diode.requests.at(-1)?.bytes ?? Buffer.alloc(0));
  expect(last.metadata.run_id).toBe('run-1');
  expect(last.entities?.at(-1)).toMatchObject({
    device: { name: 'device-199999', metadata: { run_id: 'run-1' } },
  });
  expect(new Set(diode.requests.map(({ bytes }) => decodeIngest(bytes).id)).size).toBe(diode.requests.length);
}, 60_000);

test('a Diode that is away for a while gets everything, each batch under its one id', async () => {
  await using diode = await FakeDiode.start();
  await using delivery = await startDelivery(diode);
  diode.ingest.fail({ status: status.UNAVAILABLE, message: 'starting' }, 3);
  diode.ingest.fail('disconnect');
  diode.ingest.fail({ status: status.UNAUTHENTICATED, message: 'expired' });
  const run = delivery.open({ runId: 'run-1', policy: 'edge' }, () => undefined);
  await deliverDevices(run, 'run-1', 10);
  expect(await run.finish()).toMatchObject({ acknowledged: 10, failure: undefined });
  expect(diode.requests.length).toBeGreaterThanOrEqual(6);
  expect(new Set(diode.requests.map(({ bytes }) => decodeIngest(bytes).id)).size).toBe(1);
  expect(diode.acknowledged).toMatchObject({ calls: 1, entities: 10 });
});

test('a Diode that restarts in the middle of a run gets the rest', async () => {
  await using diode = await FakeDiode.start();
  await using delivery = await startDelivery(diode);
  const run = delivery.open({ runId: 'run-1', policy: 'edge' }, () => undefined);
  await deliverDevices(run, 'run-1', 5);
  await diode.acknowledgedEntities(5);
  await diode.stop();
  await deliverDevices(run, 'run-1', 7);
  await diode.restart();
  expect(await run.finish()).toMatchObject({ acknowledged: 12, failure: undefined });
});

test('errors in a reply fail the run with their words', async () => {
  await using diode = await FakeDiode.start();
  await using delivery = await startDelivery(diode);
  diode.ingest.fail({ reply: ingestReplyWithErrors(['entity at index 0 is nil']) });
  const run = delivery.open({ runId: 'run-1', policy: 'edge' }, () => undefined);
  await deliverDevices(run, 'run-1', 2);
  expect(await run.finish()).toMatchObject({
    acknowledged: 1,
    failure: "1 of 2 entities rejected: Chunk ingestion failed: ['entity at index 0 is nil']",
  });
  expect(diode.requests).toHaveLength(1);
});

/** Which of the devices in a request have these numbers. */
function placesOf(request: Buffer, numbers: readonly number[]): readonly number[] {
  const names = decodeIngest(request).entities?.map(({ device }) => JSON.stringify(device)) ?? [];
  return names.flatMap((name, place) =>
    numbers.some((number) => name.includes(`-${String(number).padStart(6, '0')}`)) ? [place] : [],
  );
}

test('of 5,000 devices the 3 that Diode names are dead letters, and the others are counted', async () => {
  await using diode = await FakeDiode.start();
  await using delivery = await startDelivery(diode);
  diode.ingest.failWhere((request) => ({
    reply: ingestReplyWithErrors(
      placesOf(request, [1, 2, 4_000]).map((place) => `entity at index ${place} is nil`),
    ),
  }));
  const run = delivery.open({ runId: 'run-1', policy: 'edge' }, () => undefined);
  await deliverDevices(run, 'run-1', 5_000);
  expect(await run.finish()).toMatchObject({
    acknowledged: 4_997,
    failure: expect.stringMatching(
      /^3 of 5,000 entities rejected: Chunk ingestion failed: \['entity at index 1 is/,
    ),
  });
  expect(diode.requests).toHaveLength(1);
  expect(await letterNames(delivery)).toEqual(['device-000001', 'device-000002', 'device-004000']);
});

test('devices that Diode refuses without saying which are found, and the others arrive once', async () => {
  await using diode = await FakeDiode.start();
  await using delivery = await startDelivery(diode);
  diode.ingest.failWhere((request) =>
    placesOf(request, [0, 777]).length > 0
      ? { status: status.INVALID_ARGUMENT, message: 'bad entity' }
      : undefined,
  );
  const run = delivery.open({ runId: 'run-1', policy: 'edge' }, () => undefined);
  await deliverDevices(run, 'run-1', 1_000);
  expect(await run.finish()).toMatchObject({
    acknowledged: 998,
    failure: '2 of 1,000 entities rejected: Ingest transport error: INVALID_ARGUMENT: bad entity',
  });
  expect(await letterNames(delivery)).toEqual(['device-000000', 'device-000777']);
  expect(new Set(diode.entities.map((entity) => JSON.stringify(entity))).size).toBe(998);
  expect(diode.acknowledged.entities).toBe(998);
  const ids = diode.requests.map(({ bytes }) => decodeIngest(bytes).id);
  expect(new Set(ids).size).toBe(ids.length);
});

test('requests that are too large for what stands before Diode are cut', async () => {
  await using diode = await FakeDiode.start();
  await using delivery = await startDelivery(diode);
  const limit = 256 * 1024;
  diode.ingest.failWhere(({ length }) =>
    length > limit
      ? {
          status: status.RESOURCE_EXHAUSTED,
          message: `grpc: received message larger than max (${length} vs. ${limit})`,
        }
      : undefined,
  );
  const run = delivery.open({ runId: 'run-1', policy: 'edge' }, () => undefined);
  await deliverDevices(run, 'run-1', 20_000);
  expect(await run.finish()).toMatchObject({ acknowledged: 20_000, failure: undefined });
  expect(diode.acknowledged.entities).toBe(20_000);
});

async function letterNames(delivery: Delivery): Promise<string[]> {
  const query = { policy: undefined, runId: undefined, limit: 1_000, after: undefined };
  const letters = await delivery.letters.list(query);
  const opened = await Promise.all(letters.map(({ id }) => delivery.letters.open(id)));
  const texts = opened.flatMap((one) => (one ? [...entityTexts(one.batch.bytes, one.letter.encoding)] : []));
  return texts.map((text) => /device-\d+/.exec(text)?.[0] ?? text).sort();
}

test('ten runs at once send side by side, over one connection, with one token', async () => {
  await using diode = await FakeDiode.start();
  await using delivery = await startDelivery(diode);
  const ids = Array.from({ length: 10 }, (_, index) => `run-${index}`);
  const outcomes = ids.map(async (runId) => {
    const run = delivery.open({ runId, policy: 'edge' }, () => undefined);
    for (let round = 0; round < 5; round += 1) await deliverDevices(run, runId, 100);
    return run.finish();
  });
  for (const outcome of await Promise.all(outcomes)) {
    expect(outcome).toMatchObject({ acknowledged: 500, failure: undefined });
  }
  expect(diode.entities).toHaveLength(5000);
  expect(diode.tokenRequests).toHaveLength(1);
  expect(diode.openConnections).toBe(1);
});
