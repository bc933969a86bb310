import fc from 'fast-check';
import { expect, test } from 'vitest';
import { giveRoomBack, joinAround, roomyBytes } from '../../src/sink/roomy-bytes.ts';

const ROOM = 1024;
const bytes = fc.uint8Array({ maxLength: ROOM / 4 }).map((array) => Buffer.from(array));

function roomyOf(content: Buffer): Buffer {
  const roomy = roomyBytes(content.length);
  content.copy(roomy);
  return roomy;
}

test('parts are joined in order, around the batch, which stays where it is', () => {
  fc.assert(
    fc.property(
      fc.array(bytes, { maxLength: 4 }),
      bytes,
      fc.array(bytes, { maxLength: 4 }),
      (before, content, behind) => {
        const batch = roomyOf(content);
        const message = joinAround([...before, batch, ...behind]);
        expect(message?.equals(Buffer.concat([...before, content, ...behind]))).toBe(true);
        expect(message?.buffer).toBe(batch.buffer);
        expect(batch.equals(content)).toBe(true);
      },
    ),
  );
});

test('a batch can be joined again with other words, as when a letter of it is sent again', () => {
  const batch = roomyOf(Buffer.from('entities'));
  joinAround([Buffer.from('a long head '), batch, Buffer.from(' and a long tail')]);
  expect(joinAround([Buffer.from('<'), batch, Buffer.from('>')])?.toString()).toBe('<entities>');
});

test('all of the room is used, and no byte more', () => {
  const batch = roomyOf(Buffer.from('entities'));
  const [head, tail] = [Buffer.alloc(ROOM, 1), Buffer.alloc(ROOM, 2)];
  expect(joinAround([head, batch, tail])?.length).toBe(2 * ROOM + 8);
  expect(joinAround([head, Buffer.alloc(1), batch, tail])).toBeUndefined();
  expect(joinAround([head, batch, tail, Buffer.alloc(1)])).toBeUndefined();
  expect(batch.toString()).toBe('entities');
});

test('nothing is written around other memory, nor around a part of a batch, where the rest of it lies', () => {
  const batch = roomyOf(Buffer.from('two entities'));
  const words = Buffer.from('words');
  for (const part of [batch.subarray(0, 3), batch.subarray(4), Buffer.alloc(12)]) {
    expect(joinAround([words, part, words])).toBeUndefined();
  }
  expect(joinAround([])).toBeUndefined();
  expect(batch.toString()).toBe('two entities');
});

test('the memory of a whole batch is given back, and none that is shared', () => {
  const batch = roomyOf(Buffer.from('two entities'));
  const other = Buffer.from('from a pool');
  for (const part of [batch.subarray(0, 3), batch.subarray(4), other]) giveRoomBack(part);
  expect(batch.toString()).toBe('two entities');
  expect(other.toString()).toBe('from a pool');
  giveRoomBack(batch);
  expect(batch).toHaveLength(0);
});
