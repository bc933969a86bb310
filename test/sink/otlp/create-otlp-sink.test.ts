import { status } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { type Clock, systemClock } from '../../../src/clock.ts';
import { BatchBuilder } from '../../../src/entity/batch-builder.ts';
import { type Batch, type Sink, SinkError } from '../../../src/sink/contract.ts';
import { createOtlpSink } from '../../../src/sink/otlp/create-otlp-sink.ts';
import { parseTarget } from '../../../src/sink/target.ts';
import { FakeDiode } from '../../support/fake-diode.ts';
import { decodeExport } from '../../support/fake-diode-decode.ts';
import { lengthDelimited } from '../../support/fake-diode-wire.ts';
import { HeldClock } from '../../support/held-clock.ts';
import { noSignal, openSockets, readableLog, run } from '../support.ts';

const { log, lines } = readableLog();

async function startSink(diode: FakeDiode, clock: Clock = systemClock): Promise<Sink & AsyncDisposable> {
  const sink = createOtlpSink({
    target: parseTarget(diode.target),
    appNamePrefix: 'edge',
    version: '1.2.3-rc.1',
    clock,
    log,
    env: {},
  });
  await sink.start();
  return Object.assign(sink, { [Symbol.asyncDispose]: () => sink.close() });
}

function siteBatch(names: readonly string[]): Batch {
  const now = (): number => Date.UTC(2026, 0, 2);
  const builder = new BatchBuilder({ encoding: 'otlp', runId: run.runId, now });
  for (const name of names) builder.add({ site: { name } });
  return { id: crypto.randomUUID(), run, ...(builder.close() ?? expect.fail('no batch')) };
}

/** An `ExportLogsServiceResponse` with this partial success. */
function partialSuccess(rejected: number, message: string): Buffer {
  const count = Buffer.from([0x08, rejected]);
  return lengthDelimited(1, Buffer.concat([count, lengthDelimited(2, Buffer.from(message))]));
}

function attribute(key: string, text: string) {
  return { key, value: { string_value: text } };
}

test('a batch arrives as log records under the attributes of its run, without a token', async () => {
  await using diode = await FakeDiode.start({ path: '/otlp' });
  await using sink = await startSink(diode);
  await sink.send(siteBatch(['Porto 1', 'Łódź']), noSignal);
  const [call] = diode.exports;
  expect(call?.path).toBe('/otlp/opentelemetry.proto.collector.logs.v1.LogsService/Export');
  expect(call?.metadata).not.toHaveProperty('authorization');
  expect(call?.metadata).not.toHaveProperty('platform');
  expect(call?.metadata['user-agent']).toMatch(/^orb-worker\/1\.2\.3-rc\.1 grpc-/);
  expect(diode.tokenRequests).toEqual([]);

  const record = (name: string) => ({
    severity_number: 'SEVERITY_NUMBER_INFO',
    severity_text: 'INFO',
    time_unix_nano: `${Date.UTC(2026, 0, 2)}000000`,
    body: { string_value: expect.stringContaining(`"name":${JSON.stringify(name)}`) },
    attributes: [attribute('diode.entity', 'site')],
  });
  expect(decodeExport(call?.bytes ?? Buffer.alloc(0))).toEqual({
    resource_logs: [
      {
        resource: {
          attributes: [
            attribute('service.name', 'edge/collector'),
            attribute('service.version', '1.2.3'),
            { key: 'os.description', value: { string_value: expect.stringMatching(/^\w+-./) } },
            attribute('process.runtime.version', process.versions.node),
            attribute('diode.stream', 'latest'),
            attribute('diode.metadata.policy_name', 'edge'),
            attribute('diode.metadata.worker_backend', 'sample'),
            attribute('diode.metadata.run_id', 'run-1'),
          ],
        },
        scope_logs: [
          {
            scope: { name: 'orb-worker-otlp', version: '1.2.3' },
            log_records: [record('Porto 1'), { ...record(''), body: { string_value: expect.any(String) } }],
          },
        ],
      },
    ],
  });
});

test('log records that the collector rejects fail the batch, with its words', async () => {
  await using diode = await FakeDiode.start();
  await using sink = await startSink(diode);
  diode.otlp.fail({ reply: partialSuccess(2, 'too old') });
  const error = await sink.send(siteBatch(['x', 'y', 'z']), noSignal).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(SinkError);
  expect(error).toMatchObject({
    kind: 'rejected',
    message: 'Chunk ingestion failed: 2 of 3 log records rejected: too old',
  });
  expect(sink.health().ok).toBe(true);
});

test('a collector that took all and has something to say is a line in the log', async () => {
  await using diode = await FakeDiode.start();
  await using sink = await startSink(diode);
  diode.otlp.fail({ reply: partialSuccess(0, 'slow down') });
  await sink.send(siteBatch(['x']), noSignal);
  expect(lines.join('')).toContain('slow down');
});

test('a collector that is silent for 10 s, or says no, is a reason to wait', async () => {
  await using diode = await FakeDiode.start();
  const clock = new HeldClock();
  await using sink = await startSink(diode, clock);
  diode.otlp.fail('hang');
  const failed = sink.send(siteBatch(['x']), noSignal).catch((reason: unknown) => reason);
  await diode.until(() => diode.exports.length === 1);
  await clock.advance(10_000);
  expect(await failed).toMatchObject({
    kind: 'unavailable',
    message: 'Transient ingest failure (DEADLINE_EXCEEDED): no answer within 10 s',
  });
  expect(sink.health().reason).toMatch(/^OTLP collector at grpc:\/\/.*no answer/);
  diode.otlp.fail({ status: status.UNAVAILABLE, message: 'later' });
  await expect(sink.send(siteBatch(['x']), noSignal)).rejects.toMatchObject({ kind: 'unavailable' });
  await sink.send(siteBatch(['x']), noSignal);
  expect(sink.health().ok).toBe(true);
  expect(clock.pending).toBe(0);
});

test('starting asks nobody, and closing leaves no socket', async () => {
  await using diode = await FakeDiode.start();
  const sink = await startSink(diode);
  expect(diode.connections).toBe(0);
  await sink.send(siteBatch(['x']), noSignal);
  await sink.close();
  await diode.until(() => diode.openConnections === 0);
  await expect.poll(openSockets).toEqual([]);
});

test('a batch that is given up ends at once', async () => {
  await using diode = await FakeDiode.start();
  await using sink = await startSink(diode);
  const giveUp = new AbortController();
  diode.otlp.fail('hang');
  const failed = sink.send(siteBatch(['x']), giveUp.signal).catch((reason: unknown) => reason);
  await diode.until(() => diode.exports.length === 1);
  giveUp.abort();
  expect(await failed).toMatchObject({ kind: 'unavailable', message: expect.stringContaining('Given up') });
});
