import { status } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { Secrets } from '../../../src/secrets.ts';
import { FakeDiode } from '../../support/fake-diode.ts';
import { ingestReplyWithErrors } from '../../support/fake-diode-wire.ts';
import { deviceBatch, noSignal, readableLog } from '../support.ts';
import { failureOf, startSink } from './support.ts';

// The first token that the receiver gives is `token-1`; a receiver may log requests, and answer with what it logged.
const words = 'bad request: authorization=Bearer token-1 client_secret=hunter2';

test.each([
  [status.UNAVAILABLE, 'unavailable'],
  [status.INVALID_ARGUMENT, 'rejected'],
  [status.PERMISSION_DENIED, 'fatal'],
] as const)('what a receiver says of a call is told without what it was shown: %s', async (code, kind) => {
  await using diode = await FakeDiode.start();
  const { log, lines } = readableLog();
  await using sink = await startSink(diode, { log });
  diode.ingest.fail({ status: code, message: words });
  const error = await failureOf(sink.send(deviceBatch(['r1']), noSignal));
  expect(error.kind).toBe(kind);
  expect(error.message).toContain('authorization=Bearer *** client_secret=***');
  expect(`${error.message}${sink.health().reason}${lines.join('')}`).not.toMatch(/token-1|hunter2/);
});

test('so are the errors of a reply', async () => {
  await using diode = await FakeDiode.start();
  await using sink = await startSink(diode);
  diode.ingest.fail({ reply: ingestReplyWithErrors([words]) });
  const { message } = await failureOf(sink.send(deviceBatch(['r1']), noSignal));
  expect(message).toBe("Chunk ingestion failed: ['bad request: authorization=Bearer *** client_secret=***']");
});

test('a token that was replaced is still hidden, for calls that carry it', async () => {
  await using diode = await FakeDiode.start();
  const secrets = new Secrets();
  await using sink = await startSink(diode, { secrets });
  diode.revokeTokens();
  await sink.send(deviceBatch(['r1']), noSignal);
  expect(diode.tokenRequests).toHaveLength(2);
  expect(secrets.redact('token-1 token-2 hunter2 hunter')).toBe('*** *** *** hunter');
});

test('what the token endpoint answers is told by its status alone', async () => {
  await using diode = await FakeDiode.start();
  const { log, lines } = readableLog();
  diode.token.failAlways({ status: 418, body: words, headers: { 'x-why': words } });
  await using sink = await startSink(diode, { log });
  expect(sink.health().reason).toContain("I'm a Teapot");
  expect(`${sink.health().reason}${lines.join('')}`).not.toMatch(/token-1|hunter2|bad request/);
});
