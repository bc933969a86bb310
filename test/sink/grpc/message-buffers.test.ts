import { expect, test } from 'vitest';
import { MessageBuffers } from '../../../src/sink/grpc/message-buffers.ts';
import { roomyBytes } from '../../../src/sink/roomy-bytes.ts';

const KIB = 1024;

function parts(...lengths: number[]): Buffer[] {
  return lengths.map((length, index) => Buffer.alloc(length, index + 1));
}

test.each([[0], [10], [64 * KIB - 1], [64 * KIB], [3 * KIB * KIB], [4 * KIB * KIB], [5 * KIB * KIB]])(
  'parts of %d bytes in all are joined in order',
  (length) => {
    const buffers = new MessageBuffers();
    const split = parts(Math.floor(length / 3), 0, length - Math.floor(length / 3));
    const first = buffers.join(split);
    expect(first.equals(Buffer.concat(split))).toBe(true);
    buffers.release(first);
    const second = buffers.join(parts(length));
    expect(second.equals(Buffer.alloc(length, 1))).toBe(true);
  },
);

test('a message in use is never written over, one that was released is', () => {
  const buffers = new MessageBuffers();
  const one = buffers.join(parts(100 * KIB));
  const two = buffers.join(parts(0, 100 * KIB));
  expect(one.equals(Buffer.alloc(100 * KIB, 1))).toBe(true);
  buffers.release(one);
  const three = buffers.join(parts(0, 0, 200 * KIB));
  expect(three.buffer).toBe(one.buffer);
  expect(two.equals(Buffer.alloc(100 * KIB, 2))).toBe(true);
  expect(three.equals(Buffer.alloc(200 * KIB, 3))).toBe(true);
});

test('no more is kept than a few, and small messages never', () => {
  const buffers = new MessageBuffers();
  const large = Array.from({ length: 10 }, () => buffers.join(parts(100 * KIB)));
  for (const message of large) buffers.release(message);
  const small = buffers.join(parts(10));
  buffers.release(small);
  const memory = new Set(large.map((message) => message.buffer));
  const again = Array.from({ length: 10 }, () => buffers.join(parts(100 * KIB)));
  expect(again.filter((message) => memory.has(message.buffer))).toHaveLength(4);
  expect(again.some((message) => message.buffer === small.buffer)).toBe(false);
});

test('a batch with room around it is not copied, and its memory stays its own', () => {
  const buffers = new MessageBuffers();
  const batch = roomyBytes(100 * KIB).fill(1);
  const message = buffers.join([Buffer.from('head'), batch]);
  expect(message.buffer).toBe(batch.buffer);
  buffers.release(message);
  expect(buffers.join(parts(100 * KIB)).buffer).not.toBe(batch.buffer);
});
