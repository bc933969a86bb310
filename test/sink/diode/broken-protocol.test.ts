import { constants, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { describe, expect, test } from 'vitest';
import type { Sink } from '../../../src/sink/contract.ts';
import { parseTarget } from '../../../src/sink/target.ts';
import { HeldClock } from '../../support/held-clock.ts';
import { acknowledge, RawDiode, type RawDiodeOptions } from '../../support/raw-diode.ts';
import { deviceBatch, noSignal } from '../support.ts';
import { createSink, failureOf } from './support.ts';

const MiB = 2 ** 20;
const grpc = { ':status': 200, 'content-type': 'application/grpc' };
const send = (sink: Sink): Promise<void> => sink.send(deviceBatch(['r1']), noSignal);

/** A Diode whose first call goes as told, and every other well. */
function failingOnce(onCall: (stream: ServerHttp2Stream) => void): Promise<RawDiode> {
  let calls = 0;
  return RawDiode.start({ onCall: (stream) => (++calls === 1 ? onCall : acknowledge)(stream) });
}

async function sinkFor(diode: RawDiode, clock?: HeldClock): Promise<Sink & AsyncDisposable> {
  const sink = createSink(diode, { target: parseTarget(diode.target), ...(clock ? { clock } : {}) });
  await sink.start();
  return sink;
}

/** A batch that failed for a passing reason is sent again by whoever sent it. */
const sendUntilTaken = (sink: Sink): Promise<void> => send(sink).catch(() => sendUntilTaken(sink));

describe('a call that ends otherwise than with an answer has a reason, and another one works', () => {
  test.each<[string, (stream: ServerHttp2Stream) => void, string]>([
    ['the connection ends', (stream) => stream.session?.destroy(), '(UNAVAILABLE): Connection dropped'],
    [
      'GOAWAY, too fast',
      (stream) => stream.session?.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM, 0),
      '(RESOURCE_EXHAUSTED): Bandwidth exhausted or memory limit exceeded',
    ],
    ['GOAWAY, and no more', (stream) => goAway(stream), '(UNAVAILABLE): Connection dropped'],
    [
      'RST_STREAM, refused',
      reset(constants.NGHTTP2_REFUSED_STREAM),
      '(UNAVAILABLE): Stream refused by server',
    ],
    [
      'RST_STREAM, internal',
      reset(constants.NGHTTP2_INTERNAL_ERROR),
      'INTERNAL: Received RST_STREAM with code 2',
    ],
    ['RST_STREAM, cancelled', reset(constants.NGHTTP2_CANCEL), 'CANCELLED: Call cancelled'],
    ['RST_STREAM, no error', reset(constants.NGHTTP2_NO_ERROR), 'Call ended without gRPC status'],
    ['an end without status', (stream) => void answer(stream, grpc).end(), 'Call ended without gRPC status'],
    [
      'half a message',
      (stream) => void answer(stream, grpc).end(Buffer.from([0, 0, 0, 0, 9, 1])),
      'INTERNAL',
    ],
    [
      'a proxy at a loss',
      (stream) => void answer(stream, { ':status': 502, 'content-type': 'text/html' }).end('<html>'),
      '(UNAVAILABLE): Received HTTP status code 502',
    ],
    [
      'headers of 200 KB',
      (stream) => void answer(stream, { ...grpc, 'x-a': 'x'.repeat(200_000) }).end(),
      'INTERNAL: Received RST_STREAM with code 6',
    ],
  ])('%s', async (_what, onCall, reason) => {
    await using diode = await failingOnce(onCall);
    await using sink = await sinkFor(diode);
    const error = await failureOf(send(sink));
    expect(error).toMatchObject({ kind: 'unavailable', message: expect.stringContaining(reason) });
    expect(sink.health()).toMatchObject({ ok: false, reason: expect.stringContaining(reason) });
    await sendUntilTaken(sink);
    expect(sink.health().ok).toBe(true);
  });

  test('a message that is none is rejected', async () => {
    await using diode = await failingOnce((stream) => void answer(stream, grpc).end('this is no message'));
    await using sink = await sinkFor(diode);
    const error = await failureOf(send(sink));
    expect(error).toMatchObject({ kind: 'rejected', message: expect.stringContaining('larger than max') });
    await sendUntilTaken(sink);
  });
});

function reset(code: number): (stream: ServerHttp2Stream) => void {
  return (stream) => stream.close(code);
}

/** It takes no more calls, the one under way included, and closes. */
function goAway({ session }: ServerHttp2Stream): void {
  session?.goaway(constants.NGHTTP2_NO_ERROR, 0);
  session?.destroy();
}

function answer(stream: ServerHttp2Stream, headers: OutgoingHttpHeaders): ServerHttp2Stream {
  stream.respond(headers);
  return stream;
}

test('a reply of 50 MiB costs neither time nor memory: it is cut off at its head', async () => {
  let sent = 0;
  const flood = (stream: ServerHttp2Stream): void => {
    const piece = Buffer.alloc(64 * 1024);
    const pour = (): void => {
      while (!stream.destroyed && sent < 50 * MiB && stream.write(piece)) sent += piece.length;
    };
    const head = Buffer.alloc(5);
    head.writeUInt32BE(50 * MiB, 1);
    answer(stream, grpc).on('drain', pour).write(head);
    pour();
  };
  await using diode = await RawDiode.start({ onCall: flood });
  await using sink = await sinkFor(diode);
  for (let time = 0; time < 20; time++) {
    const error = await failureOf(send(sink));
    expect(error).toMatchObject({ kind: 'rejected', message: expect.stringContaining('larger than max') });
  }
  expect(sent).toBeLessThan(20 * 2 * MiB);
  expect(process.memoryUsage().arrayBuffers).toBeLessThan(100 * MiB);
});

describe('whoever does not come to an end is not waited for longer than 60 s', () => {
  test.each<[string, RawDiodeOptions]>([
    ['a reply that trickles', { onCall: trickle }],
    ['a connection that says nothing', { onConnection: (socket) => void socket.resume() }],
  ])('%s', async (_what, options) => {
    await using diode = await RawDiode.start(options);
    const clock = new HeldClock();
    await using sink = await sinkFor(diode, clock);
    const failed = failureOf(send(sink));
    await expect.poll(() => diode.openConnections).toBeGreaterThan(0);
    await expect.poll(() => clock.pending).toBeGreaterThan(0);
    await clock.advance(60_000);
    expect(await failed).toMatchObject({
      kind: 'unavailable',
      message: 'Transient ingest failure (DEADLINE_EXCEEDED): no answer within 60 s',
    });
    expect(clock.pending).toBe(0);
  });

  test('an answer that comes after that changes nothing', async () => {
    const called = Promise.withResolvers<ServerHttp2Stream>();
    await using diode = await failingOnce(called.resolve);
    const clock = new HeldClock();
    await using sink = await sinkFor(diode, clock);
    const failed = failureOf(send(sink));
    const late = await called.promise;
    await clock.advance(60_000);
    expect((await failed).message).toContain('no answer within 60 s');
    if (!late.destroyed) acknowledge(late);
    expect(sink.health().ok).toBe(false);
    await sendUntilTaken(sink);
    expect(sink.health().ok).toBe(true);
  });
});

/** A byte now and then of a message that would be small enough. */
function trickle(stream: ServerHttp2Stream): void {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(MiB / 2, 1);
  answer(stream, grpc).write(head);
  const drops = setInterval(() => stream.destroyed || stream.write('x'), 5);
  stream.once('close', () => clearInterval(drops));
}

test.each([
  ['HTTP/1.1', 'HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n'],
  ['nonsense', 'nonsense'.repeat(10_000)],
  ['nothing', ''],
])('what answers a call with %s is not Diode: try again', async (_what, bytes) => {
  await using diode = await RawDiode.start({ onConnection: (socket) => socket.end(bytes) });
  await using sink = await sinkFor(diode);
  const error = await failureOf(send(sink));
  expect(error).toMatchObject({ kind: 'unavailable', message: expect.stringContaining('UNAVAILABLE') });
});

test('a token that trickles is not waited for longer than 10 s', async () => {
  await using diode = await RawDiode.start({
    onTokenConnection(socket) {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n{');
      const drops = setInterval(() => socket.write(' '), 5);
      socket.once('close', () => clearInterval(drops));
    },
  });
  const clock = new HeldClock();
  await using sink = createSink(diode, { target: parseTarget(diode.target), clock });
  const started = sink.start();
  await expect.poll(() => diode.openConnections).toBe(1);
  await clock.advance(10_000);
  await started;
  await expect
    .poll(() => sink.health().reason)
    .toContain('Failed to obtain access token: no answer within 10 s');
  await expect.poll(() => diode.openConnections).toBe(0);
});
