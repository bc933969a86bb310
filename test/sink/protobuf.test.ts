import fc from 'fast-check';
import { expect, test } from 'vitest';
import { field, readFields, structOf } from '../../src/sink/protobuf.ts';
import { WireSchema } from '../support/wire-schema.ts';

const schema = new WireSchema('schema.json');

test('fields that are written are read again', () => {
  const fields = fc.array(
    fc.record({ number: fc.integer({ min: 1, max: 2 ** 29 - 1 }), value: fc.uint8Array({ maxLength: 300 }) }),
  );
  fc.assert(
    fc.property(fields, (written) => {
      const message = Buffer.concat(written.map(({ number, value }) => field(number, Buffer.from(value))));
      const read = [...readFields(message)].map(({ number, value }) => ({
        number,
        value: Buffer.isBuffer(value) ? new Uint8Array(value) : value,
      }));
      expect(read).toEqual(written);
    }),
  );
});

test('a Struct is what a general library reads as the same object', () => {
  const text = fc.string({ unit: 'grapheme' });
  fc.assert(
    fc.property(fc.dictionary(text, text), (values) => {
      expect(schema.decode('google.protobuf.Struct', structOf(values))).toEqual(values);
    }),
  );
});

test('numbers are read, fields of fixed length are passed over', () => {
  const message = Buffer.from([0x08, 0x96, 0x01, 0x11, 1, 2, 3, 4, 5, 6, 7, 8, 0x1d, 1, 2, 3, 4, 0x20, 0x07]);
  expect([...readFields(message)]).toEqual([
    { number: 1, value: 150 },
    { number: 4, value: 7 },
  ]);
});

test('bytes that are no message are a RangeError, whatever they are', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 50 }), (bytes) => {
      try {
        for (const { value } of readFields(Buffer.from(bytes))) expect(value).toBeDefined();
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
      }
    }),
    { numRuns: 2000 },
  );
});

test.each([
  ['cut off in a length', [0x0a]],
  ['a length past the end', [0x0a, 0x05, 1]],
  ['a group', [0x0b]],
  ['a number without an end', [0x08, ...Array(12).fill(0xff)]],
  ['fixed bytes cut off', [0x11, 1, 2]],
])('%s is refused', (_, bytes) => {
  expect(() => [...readFields(Buffer.from(bytes))]).toThrow(RangeError);
});
