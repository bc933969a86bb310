import { status } from '@grpc/grpc-js';
import { describe, expect, test } from 'vitest';
import { parseTarget } from '../../../src/sink/target.ts';
import { FakeDiode } from '../../support/fake-diode.ts';
import { ingestReplyWithErrors, lengthDelimited } from '../../support/fake-diode-wire.ts';
import { HeldClock } from '../../support/held-clock.ts';
import { deviceBatch, noSignal, readableLog, run, testTls } from '../support.ts';
import { createSink, failureOf, startSink } from './support.ts';

describe('what arrives', () => {
  test('is the batch with its id, its run and who sends it', async () => {
    await using diode = await FakeDiode.start();
    await using sink = await startSink(diode, { appNamePrefix: 'lab 1', version: '1.2.3-rc.1' });
    const batch = deviceBatch(['r1', 'r2']);
    await sink.send(batch, noSignal);
    expect(diode.ingested).toEqual([
      {
        stream: 'latest',
        entities: [{ device: { name: 'r1' } }, { device: { name: 'r2' } }],
        id: batch.id,
        producer_app_name: 'lab 1/collector',
        producer_app_version: '1.2.3',
        sdk_name: 'orb-worker',
        sdk_version: '1.2.3',
        metadata: { policy_name: 'edge', worker_backend: 'sample', run_id: 'run-1' },
      },
    ]);
  });

  test('carries token, platform and user agent, and says how long it will wait', async () => {
    await using diode = await FakeDiode.start();
    await using sink = await startSink(diode);
    await sink.send(deviceBatch(['r1']), noSignal);
    const { metadata } = diode.requests[0] ?? expect.fail();
    expect(metadata.authorization).toBe('Bearer token-1');
    expect(metadata.platform).toMatch(/^\w+-[\x21-\x7e]+$/);
    expect(metadata['user-agent']).toMatch(/^orb-worker\/0\.1\.0 grpc-/);
  });

  test('goes under the path of the target, tokens as well', async () => {
    await using diode = await FakeDiode.start({ path: '/a/b' });
    await using sink = await startSink(diode, { target: parseTarget(`${diode.target}/`) });
    await sink.send(deviceBatch(['r1']), noSignal);
    expect(diode.tokenRequests.map((request) => request.path)).toEqual(['/a/b/auth/token']);
    expect(diode.requests.map((call) => call.path)).toEqual(['/a/b/diode.v1.IngesterService/Ingest']);
  });

  test('shows in health what became of token and channel', async () => {
    await using diode = await FakeDiode.start();
    const sink = createSink(diode);
    expect(sink.health()).toMatchObject({ token: 'none', channel: 'none' });
    const starting = sink.start();
    await expect.poll(() => sink.health()).toMatchObject({ token: 'fetching', channel: 'none' });
    await starting;
    expect(sink.health()).toMatchObject({ token: 'valid', channel: 'none' });
    await sink.send(deviceBatch(['r1']), noSignal);
    expect(sink.health()).toMatchObject({ token: 'valid', channel: 'ready' });
    await diode.stop();
    await expect.poll(() => sink.health().channel).not.toBe('ready');
    await sink.close();
    expect(sink.health()).toMatchObject({ channel: 'shutdown' });
  });

  test('takes one connection for all runs, one after another or at once', async () => {
    await using diode = await FakeDiode.start();
    await using sink = await startSink(diode);
    await diode.until(() => diode.openConnections === 0);
    const batches = Array.from({ length: 20 }, (_, index) =>
      deviceBatch([`r${index}`], { ...run, runId: `run-${index}` }),
    );
    await Promise.all(batches.map((batch) => sink.send(batch, noSignal)));
    expect(diode.openConnections).toBe(1);
    expect(diode.tokenRequests).toHaveLength(1);
    expect(new Set(diode.ingested.map((request) => request.id)).size).toBe(20);
  });

  test('names beyond ASCII are kept', async () => {
    await using diode = await FakeDiode.start();
    await using sink = await startSink(diode);
    await sink.send(deviceBatch(['☃'], { ...run, policyName: 'ünï 😀', appName: 'größe' }), noSignal);
    expect(diode.ingested).toMatchObject([
      {
        producer_app_name: 'größe',
        metadata: { policy_name: 'ünï 😀' },
        entities: [{ device: { name: '☃' } }],
      },
    ]);
  });
});

describe('what Diode answers decides what becomes of a batch', () => {
  test.each([
    ['UNAVAILABLE', 'no', 'unavailable', 'Transient ingest failure (UNAVAILABLE): no'],
    ['DEADLINE_EXCEEDED', 'slow', 'unavailable', 'Transient ingest failure (DEADLINE_EXCEEDED): slow'],
    [
      'RESOURCE_EXHAUSTED',
      'redis: full',
      'unavailable',
      'Transient ingest failure (RESOURCE_EXHAUSTED): redis: full',
    ],
    [
      'RESOURCE_EXHAUSTED',
      'grpc: received message larger than max (5 vs. 4)',
      'rejected',
      'Transient ingest failure (RESOURCE_EXHAUSTED): grpc: received message larger than max (5 vs. 4)',
    ],
    ['INTERNAL', '', 'unavailable', 'Ingest transport error: INTERNAL'],
    [
      'INTERNAL',
      'grpc: error unmarshalling request: x',
      'rejected',
      'Ingest transport error: INTERNAL: grpc: error',
    ],
    ['ABORTED', 'again', 'unavailable', 'Ingest transport error: ABORTED: again'],
    ['UNKNOWN', 'id is empty', 'rejected', 'Ingest transport error: UNKNOWN: id is empty'],
    ['INVALID_ARGUMENT', 'bad', 'rejected', 'Ingest transport error: INVALID_ARGUMENT: bad'],
    ['PERMISSION_DENIED', 'no', 'fatal', 'Ingest transport error: PERMISSION_DENIED: no'],
    ['UNIMPLEMENTED', 'no', 'fatal', 'Ingest transport error: UNIMPLEMENTED: no'],
  ] as const)('%s "%s" is %s', async (name, message, kind, text) => {
    await using diode = await FakeDiode.start();
    await using sink = await startSink(diode);
    diode.ingest.fail({ status: status[name], message });
    const error = await failureOf(sink.send(deviceBatch(['r1']), noSignal));
    expect(error.kind).toBe(kind);
    expect(error.message).toContain(text);
    expect(diode.requests).toHaveLength(1);
  });

  test('errors in the reply reject it, in the words of the Python worker', async () => {
    await using diode = await FakeDiode.start();
    await using sink = await startSink(diode);
    diode.ingest.fail({ reply: ingestReplyWithErrors(['e1', "it's", '\'"\\\n']) });
    const error = await failureOf(sink.send(deviceBatch(['r1']), noSignal));
    expect(error.kind).toBe('rejected');
    expect(error.message).toBe(String.raw`Chunk ingestion failed: ['e1', "it's", '\'"\\\n']`);
    expect(sink.health()).toMatchObject({ ok: true, reason: '' });
  });

  test('a thousand long errors make one bounded reason', async () => {
    await using diode = await FakeDiode.start();
    await using sink = await startSink(diode);
    diode.ingest.fail({ reply: ingestReplyWithErrors(Array(500).fill('x'.repeat(1500))) });
    const { message } = await failureOf(sink.send(deviceBatch(['r1']), noSignal));
    expect(message.length).toBeLessThan(25_000);
    expect(message).toMatch(/ and 480 more$/);
  });

  test('a reply that is no IngestResponse rejects it', async () => {
    await using diode = await FakeDiode.start();
    await using sink = await startSink(diode);
    diode.ingest.fail({ reply: Buffer.from([0x0a, 0x7f, 1]) });
    expect(await failureOf(sink.send(deviceBatch(['r1']), noSignal))).toMatchObject({ kind: 'rejected' });
  });

  test('a reply of 50 MiB is not read to its end', async () => {
    await using diode = await FakeDiode.start();
    await using sink = await startSink(diode);
    diode.ingest.fail({ reply: lengthDelimited(1, Buffer.alloc(50 * 1024 * 1024)) });
    const error = await failureOf(sink.send(deviceBatch(['r1']), noSignal));
    expect(error).toMatchObject({ kind: 'rejected' });
    expect(error.message).toContain('larger than max');
  });

  test('a message over 4 MiB is refused by the server and rejected', async () => {
    await using diode = await FakeDiode.start();
    await using sink = await startSink(diode);
    const error = await failureOf(sink.send(deviceBatch(['x'.repeat(5 * 1024 * 1024)]), noSignal));
    expect(error.kind).toBe('rejected');
    expect(error.message).toContain('grpc: received message larger than max');
  });
});

describe('a token that is refused', () => {
  test('is replaced, and the same request sent once more', async () => {
    await using diode = await FakeDiode.start();
    await using sink = await startSink(diode);
    diode.revokeTokens();
    await sink.send(deviceBatch(['r1']), noSignal);
    expect(diode.requests.map((call) => call.metadata.authorization)).toEqual([
      'Bearer token-1',
      'Bearer token-2',
    ]);
    expect(diode.requests[0]?.bytes).toEqual(diode.requests[1]?.bytes);
  });

  test('three times makes the configuration wrong', async () => {
    await using diode = await FakeDiode.start();
    await using sink = await startSink(diode);
    diode.ingest.failAlways({ status: status.UNAUTHENTICATED, message: 'who are you?' });
    const error = await failureOf(sink.send(deviceBatch(['r1']), noSignal));
    expect(error.kind).toBe('fatal');
    expect(error.message).toBe('Ingest transport error: UNAUTHENTICATED: who are you?');
    expect(diode.requests).toHaveLength(3);
    expect(diode.tokenRequests).toHaveLength(3);
  });

  test.each([
    ['1', 1],
    ['5', 5],
    ['none', 3],
    ['0', 3],
    ['', 3],
  ])('DIODE_MAX_AUTH_RETRIES=%s allows %d attempts', async (text, attempts) => {
    await using diode = await FakeDiode.start();
    await using sink = await startSink(diode, { env: { DIODE_MAX_AUTH_RETRIES: text } });
    diode.ingest.failAlways({ status: status.UNAUTHENTICATED, message: 'no' });
    await failureOf(sink.send(deviceBatch(['r1']), noSignal));
    expect(diode.requests).toHaveLength(attempts);
  });

  test('by many calls at once costs one fetch', async () => {
    await using diode = await FakeDiode.start();
    await using sink = await startSink(diode);
    diode.revokeTokens();
    await Promise.all(
      Array.from({ length: 10 }, (_, index) => sink.send(deviceBatch([`r${index}`]), noSignal)),
    );
    expect(diode.tokenRequests).toHaveLength(2);
    expect(diode.acknowledged.calls).toBe(10);
  });
});

describe('before the daemon listens', () => {
  test.each([400, 401, 403])('credentials refused with %d stop it, with one line', async (code) => {
    await using diode = await FakeDiode.start();
    diode.token.failAlways({ status: code });
    const { log, lines } = readableLog();
    await using sink = createSink(diode, { log });
    const error = await failureOf(sink.start());
    expect(error.kind).toBe('fatal');
    expect(error.message).toMatch(
      /^Unable to connect to Diode Server: Failed to obtain access token: (Bad Request|Unauthorized|Forbidden)$/,
    );
    expect(JSON.stringify(error)).not.toContain('hunter2');
    expect(lines).toEqual([]);
  });

  test('a Diode that is away stops nothing, shows in health, and is noticed when it comes', async () => {
    await using diode = await FakeDiode.start();
    await diode.stop();
    const clock = new HeldClock();
    const { log, lines } = readableLog();
    await using sink = await startSink(diode, { clock, log });
    expect(sink.health().ok).toBe(false);
    expect(sink.health().reason).toMatch(
      /^Diode at grpc:\/\/127\.0\.0\.1:\d+: Failed to obtain access token: connect ECONNREFUSED/,
    );
    expect(await failureOf(sink.send(deviceBatch(['r1']), noSignal))).toMatchObject({
      kind: 'unavailable',
      isUnsent: true,
    });
    await diode.restart();
    await clock.advance(10_000);
    await diode.until(() => diode.tokenRequests.length === 1);
    await expect.poll(() => sink.health()).toMatchObject({ ok: true, reason: '' });
    expect(lines.join('')).toContain('answers again');
    expect(clock.pending).toBe(0);
  });

  test('a token endpoint that hangs is waited for one second', async () => {
    await using diode = await FakeDiode.start();
    diode.token.failAlways('hang');
    const clock = new HeldClock();
    await using sink = createSink(diode, { clock });
    const started = sink.start();
    await diode.until(() => diode.tokenRequests.length === 1);
    await clock.advance(1000);
    await started;
    expect(sink.health().reason).toContain('has not answered yet');
    await clock.advance(9000);
    await expect
      .poll(() => sink.health().reason)
      .toContain('Failed to obtain access token: no answer within 10 s');
  });

  test('a certificate file that cannot be read stops it and names the variable', async () => {
    await using diode = await FakeDiode.start({
      tls: { key: testTls('server.key').pem, cert: testTls('server.crt').pem },
    });
    for (const file of ['/nowhere.pem', testTls('server.key').path]) {
      await using sink = createSink(diode, { env: { DIODE_CERT_FILE: file } });
      const error = await failureOf(sink.start());
      expect(error.kind).toBe('fatal');
      expect(error.message).toContain(`DIODE_CERT_FILE ${file} cannot be used`);
    }
  });

  test('a Sentry DSN is ignored with one line', async () => {
    await using diode = await FakeDiode.start();
    const { log, lines } = readableLog();
    await using sink = await startSink(diode, { log, env: { DIODE_SENTRY_DSN: 'https://key@sentry' } });
    await sink.send(deviceBatch(['r1']), noSignal);
    expect(lines.filter((line) => line.includes('DIODE_SENTRY_DSN'))).toHaveLength(1);
    expect(lines.join('')).not.toContain('key@');
  });
});
