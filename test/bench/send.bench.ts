// Ready-made 3 MiB batches through delivery and sink, beside a bare grpc-js client: node test/bench/send.bench.ts
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import * as grpc from '@grpc/grpc-js';
import { pino } from 'pino';
import { systemClock } from '../../src/clock.ts';
import { createDelivery } from '../../src/delivery/create-delivery.ts';
import { Secrets } from '../../src/secrets.ts';
import type { Batch } from '../../src/sink/contract.ts';
import { createDiodeSink } from '../../src/sink/diode/create-diode-sink.ts';
import { encodeIngestRequest } from '../../src/sink/diode/request.ts';
import { roomyBytes } from '../../src/sink/roomy-bytes.ts';
import { parseTarget } from '../../src/sink/target.ts';
import { tuneHeap } from '../../src/tune-heap.ts';
import { FakeDiode } from '../support/fake-diode.ts';
import { lengthDelimited } from '../support/fake-diode-wire.ts';
import { report } from './support/report.ts';
import { median, spread } from './support/statistics.ts';

const BATCHES = 24;
const ROUNDS = 31;
const ENTITY_BYTES = 300;
const ENTITIES = Math.floor((3 * 1024 * 1024) / (ENTITY_BYTES + 3));
const MEGABYTE = 1e6;

/** Each in memory as a child's batches come in; together more than the processor's cache holds. */
const payloads = Array.from({ length: BATCHES }, (_, index) => newPayload(index));
const log = pino({ level: 'silent' });

function newPayload(index: number): Buffer {
  const entity = lengthDelimited(2, Buffer.alloc(ENTITY_BYTES, index));
  return roomyBytes(ENTITIES * entity.length).fill(entity);
}

/** The sink gives the memory of what is acknowledged back. */
function renewPayloads(): void {
  for (const [index, { length }] of payloads.entries()) if (length === 0) payloads[index] = newPayload(index);
}

function batchOf(runId: string, index: number): Batch {
  const run = { runId, policyName: 'edge', backend: 'bench', appName: 'bench', appVersion: '1' };
  return { id: crypto.randomUUID(), run, entityCount: ENTITIES, bytes: payloadOf(index) };
}

function payloadOf(index: number): Buffer {
  return payloads[index % payloads.length] ?? Buffer.alloc(0);
}

/** The receiver, in a process of its own; it says how much it acknowledged when it is asked. */
async function serve(): Promise<void> {
  const diode = await FakeDiode.start({ keepRequests: false });
  process.on('message', () => process.send?.(diode.acknowledged.entities));
  process.on('disconnect', () => void diode.stop());
  process.send?.(diode.target);
}

async function startReceiver() {
  const child = fork(fileURLToPath(import.meta.url), ['--serve']);
  const [target] = await once(child, 'message');
  return {
    target: String(target),
    async acknowledged(): Promise<number> {
      child.send('?');
      const [entityCount] = await once(child, 'message');
      return Number(entityCount);
    },
    stop: () => child.disconnect(),
  };
}

/** `lanes` runs, each one batch after another. */
async function throughDelivery(target: string): Promise<(lanes: number) => Promise<void>> {
  const sink = createDiodeSink({
    target: parseTarget(target),
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
  const delivery = createDelivery({ sink, clock: systemClock, log });
  return async (lanes) => {
    const oneLane = async (_: unknown, lane: number): Promise<void> => {
      const run = delivery.open({ runId: `run-${lane}`, policy: 'edge' }, () => undefined);
      for (let sent = 0; sent < BATCHES / lanes; sent += 1) {
        const batch = batchOf(`run-${lane}`, sent * lanes + lane);
        await run.reserve(batch.bytes.length);
        run.accept(batch);
      }
      const { failure } = await run.finish();
      if (failure !== undefined) throw new Error(failure);
    };
    await Promise.all(Array.from({ length: lanes }, oneLane));
  };
}

/** What nobody can be faster than: messages made before, `lanes` calls at once. */
async function throughBareClient(target: string): Promise<(lanes: number) => Promise<void>> {
  const url = target.replace('grpc://', '');
  const reply = await fetch(`http://${url}/auth/token`, { method: 'POST' });
  const { access_token } = (await reply.json()) as { access_token: string };
  const metadata = new grpc.Metadata();
  metadata.set('authorization', `Bearer ${access_token}`);
  const client = new grpc.Client(url, grpc.credentials.createInsecure());
  const sender = { name: 'bare', version: '0.0.0', appNamePrefix: undefined };
  const messages = payloads.map((_, index) =>
    Buffer.concat(encodeIngestRequest(batchOf('bare', index), sender)),
  );
  const same = (bytes: Buffer): Buffer => bytes;
  const callOnce = (message: Buffer): Promise<void> =>
    new Promise((resolve, reject) => {
      const deadline = Date.now() + 60_000;
      client.makeUnaryRequest(
        '/diode.v1.IngesterService/Ingest',
        same,
        same,
        message,
        metadata,
        { deadline },
        (error) => (error ? reject(error) : resolve()),
      );
    });
  return async (lanes) => {
    const oneLane = async (_: unknown, lane: number): Promise<void> => {
      for (let sent = 0; sent < BATCHES / lanes; sent += 1) {
        await callOnce(messages[(sent * lanes + lane) % messages.length] ?? Buffer.alloc(0));
      }
    };
    await Promise.all(Array.from({ length: lanes }, oneLane));
  };
}

async function megabytesPerSecond(send: (lanes: number) => Promise<void>, lanes: number): Promise<number> {
  renewPayloads();
  const megabytes = (BATCHES * payloadOf(0).length) / MEGABYTE;
  const start = performance.now();
  await send(lanes);
  return megabytes / ((performance.now() - start) / 1000);
}

/** MB/s of either, one right after the other. */
interface Sample {
  readonly ours: number;
  readonly bare: number;
}

async function measure(): Promise<void> {
  const receiver = await startReceiver();
  const ours = await throughDelivery(receiver.target);
  const bare = await throughBareClient(receiver.target);
  for (const lanes of [1, 4]) {
    await megabytesPerSecond(ours, lanes);
    await megabytesPerSecond(bare, lanes);
    const before = await receiver.acknowledged();
    const samples: Sample[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const rateOf = (send: typeof ours): Promise<number> => megabytesPerSecond(send, lanes);
      // Whoever comes second finds what the first has left behind.
      const first = round % 2 === 0 ? await rateOf(ours) : undefined;
      const rate = await rateOf(bare);
      samples.push({ ours: first ?? (await rateOf(ours)), bare: rate });
    }
    const missing = 2 * ROUNDS * BATCHES * ENTITIES - ((await receiver.acknowledged()) - before);
    if (missing !== 0) throw new Error(`${missing} entities did not arrive`);
    reportRow(lanes, samples);
  }
  receiver.stop();
  process.exit();
}

function reportRow(lanes: number, samples: readonly Sample[]): void {
  const share = median(samples.map(({ ours, bare }) => ours / bare));
  const ours = samples.map((sample) => sample.ours);
  const bare = samples.map((sample) => sample.bare);
  report({
    measure: `ready-made 3 MiB batches through delivery and sink, ${lanes} in flight`,
    measured: spread(ours, ' MB/s'),
    counterpart: `bare grpc-js client: ${spread(bare, ' MB/s')}; ${share.toFixed(2)} of it`,
    goal: '0.9 of it',
    isReached: share >= 0.9,
  });
}

// As in the daemon: without it, both sides and the receiver spend most of their time on looking for garbage.
tuneHeap();
await (process.argv.includes('--serve') ? serve() : measure());
