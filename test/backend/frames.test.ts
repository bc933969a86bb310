import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  BATCH_HEADER,
  batchFrameHead,
  controlFrame,
  FrameError,
  type FrameKind,
  FrameReader,
  FrameSender,
  MAX_CONTROL_BYTES,
  splitWork,
  workFrameHead,
} from '../../src/backend/frames.ts';
import { joinAround, SMALLEST_WITH_ROOM } from '../../src/sink/roomy-bytes.ts';

interface Frame {
  readonly kind: FrameKind;
  readonly body: Buffer;
}

/** Reads chunks as they come; limits as given, or none. */
function read(chunks: readonly Buffer[], limit = Number.POSITIVE_INFINITY): Frame[] {
  const frames: Frame[] = [];
  const reader = new FrameReader({
    limitOf: () => limit,
    onFrame: (kind, body) => frames.push({ kind, body: Buffer.from(body) }),
  });
  for (const chunk of chunks) reader.push(chunk);
  return frames;
}

const frame = fc.oneof(
  fc.string({ unit: 'grapheme' }).map((text): [Frame, Buffer] => {
    return [{ kind: 'control', body: Buffer.from(text) }, controlFrame(text)];
  }),
  fc.tuple(fc.nat(), fc.nat(), fc.uint8Array()).map(([run, count, bytes]): [Frame, Buffer] => {
    const head = batchFrameHead(run, count, bytes.length);
    const wire = Buffer.concat([head, bytes]);
    return [{ kind: 'batch', body: wire.subarray(5) }, wire];
  }),
  fc.tuple(fc.string(), fc.uint8Array()).map(([json, payload]): [Frame, Buffer] => {
    const wire = Buffer.concat([workFrameHead(json, payload.length), payload]);
    return [{ kind: 'work', body: wire.subarray(5) }, wire];
  }),
);

describe('the frame reader', () => {
  test('gives what was sent, however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(frame),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
        (sent, cuts) => {
          const wire = Buffer.concat(sent.map(([, bytes]) => bytes));
          const chunks: Buffer[] = [];
          for (let at = 0, index = 0; at < wire.length; index++) {
            const length = cuts[index % cuts.length] ?? 1;
            chunks.push(wire.subarray(at, at + length));
            at += length;
          }
          expect(read(chunks)).toEqual(sent.map(([expected]) => expected));
        },
      ),
    );
  });

  test('takes any bytes for frames or throws a FrameError, and reserves no more than is allowed', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array()), (chunks) => {
        try {
          for (const { body } of read(
            chunks.map((bytes) => Buffer.from(bytes)),
            64,
          )) {
            expect(body.length).toBeLessThanOrEqual(64);
          }
        } catch (error) {
          expect(error).toBeInstanceOf(FrameError);
        }
      }),
    );
  });

  test('gives a batch memory of its own, no larger than it is', () => {
    const bytes = Buffer.alloc(100, 7);
    const wire = Buffer.concat([controlFrame('{}'), batchFrameHead(1, 2, 100), bytes, controlFrame('{}')]);
    const bodies: Buffer[] = [];
    const reader = new FrameReader({
      limitOf: () => 1_000,
      onFrame: (kind, body) => kind === 'batch' && bodies.push(body),
    });
    reader.push(wire);
    wire.fill(0);
    expect(bodies[0]?.subarray(8)).toEqual(bytes);
    expect(bodies[0]?.buffer.byteLength).toBe(108);
  });

  test('gives a large batch room for what a request says around it', () => {
    const entities = Buffer.alloc(SMALLEST_WITH_ROOM, 7);
    let message: Buffer | undefined;
    const reader = new FrameReader({
      limitOf: () => Number.POSITIVE_INFINITY,
      onFrame: (_, body) => {
        message = joinAround([Buffer.from('head'), body.subarray(BATCH_HEADER), Buffer.from('tail')]);
      },
    });
    reader.push(batchFrameHead(1, 2, entities.length));
    reader.push(entities);
    expect(message?.equals(Buffer.concat([Buffer.from('head'), entities, Buffer.from('tail')]))).toBe(true);
  });

  test('says whether it has copied all of a chunk', () => {
    const reader = new FrameReader({ limitOf: () => 1_000, onFrame() {} });
    const batch = Buffer.concat([batchFrameHead(1, 2, 100), Buffer.alloc(100)]);
    const control = controlFrame('{}');
    expect(reader.push(batch.subarray(0, 50))).toBe(true);
    expect(reader.push(Buffer.concat([batch.subarray(50), control]))).toBe(false);
    expect(reader.push(batch)).toBe(true);
    expect(reader.push(control)).toBe(false);
    expect(reader.push(control.subarray(0, 6))).toBe(true);
    expect(reader.push(control.subarray(6))).toBe(true);
  });

  test.each([
    ['no known kind', Buffer.from([0, 0, 0, 0, 9]), 'a frame of no known kind'],
    ['too long', controlFrame('x'.repeat(11)), 'a control frame of 11 bytes, more than is allowed now'],
    [
      'endless',
      Buffer.from([255, 255, 255, 255, 1]),
      'a batch frame of 4294967295 bytes, more than is allowed now',
    ],
  ])('refuses a frame that is %s before it comes', (_, bytes, message) => {
    expect(() => read([bytes], 10)).toThrow(new FrameError(message));
  });

  test('refuses what is not expected at all, even if it is empty', () => {
    const reader = new FrameReader({
      limitOf: (kind) => (kind === 'control' ? MAX_CONTROL_BYTES : -1),
      onFrame() {},
    });
    expect(() => reader.push(Buffer.from([0, 0, 0, 0, 1]))).toThrow(FrameError);
  });
});

test('a sender gives back the memory of a last frame when that has gone, and of no other', async () => {
  const server = createServer((socket) => socket.resume()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const socket = connect(typeof address === 'object' ? (address?.port ?? 0) : 0, '127.0.0.1');
  const sender = new FrameSender(socket);
  const [kept, passing] = [Buffer.alloc(100_000), Buffer.alloc(100_000)];
  sender.send(kept);
  sender.sendLast(batchFrameHead(1, 1, passing.length), passing);
  sender.flush();
  expect(passing).toHaveLength(100_000);
  await new Promise<void>((resolve) => socket.end(resolve));
  expect(passing).toHaveLength(0);
  expect(kept).toHaveLength(100_000);
  server.close();
  await once(server, 'close');
});

test('work comes apart as it was put together', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.uint8Array(), (json, payload) => {
      const wire = Buffer.concat([workFrameHead(json, payload.length), payload]);
      expect(splitWork(wire.subarray(5))).toEqual({ json, payload: Buffer.from(payload) });
    }),
  );
});
