import fc from 'fast-check';
import { expect, test } from 'vitest';
import { findCuts, middleCut } from '../../src/delivery/cut.ts';
import { BatchBuilder } from '../../src/entity/batch-builder.ts';
import { lengthDelimited } from '../support/fake-diode-wire.ts';

const frames = fc.array(fc.tuple(fc.integer({ min: 1, max: 5_000 }), fc.uint8Array({ maxLength: 400 })), {
  minLength: 1,
  maxLength: 30,
});

function encode(list: readonly (readonly [number, Uint8Array])[]): Buffer[] {
  return list.map(([field, content]) => lengthDelimited(field, Buffer.from(content)));
}

test('the parts of a batch, cut anywhere, are its entities and nothing else', () => {
  fc.assert(
    fc.property(frames, (list) => {
      const entities = encode(list);
      const bytes = Buffer.concat(entities);
      const cuts = findCuts(bytes, 'diode', list.length) ?? expect.fail('it cannot be cut');
      const parts = entities.map((_, index) => bytes.subarray(cuts[index], cuts[index + 1]));
      expect(parts.map(String)).toEqual(entities.map(String));
      if (list.length < 2) return;
      const middle = middleCut(cuts);
      expect(middle).toBeGreaterThan(0);
      expect(middle).toBeLessThan(list.length);
      const [left = 0, right = 0] = [cuts[middle], bytes.length - (cuts[middle] ?? 0)];
      const largest = Math.max(...entities.map(({ length }) => length));
      expect(Math.abs(left - right)).toBeLessThanOrEqual(2 * largest);
    }),
  );
});

test('no bytes break it, and what is not a batch of so many entities is not cut', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(10), (bytes, count) => {
      const cuts = findCuts(Buffer.from(bytes), 'otlp', count);
      if (cuts !== undefined) expect([cuts.length, cuts.at(-1)]).toEqual([count + 1, bytes.length]);
    }),
    { numRuns: 2_000 },
  );
  const bytes = Buffer.concat(encode([[2, Buffer.from('abc')]]));
  expect(findCuts(bytes, 'diode', 2)).toBeUndefined();
  expect(findCuts(bytes.subarray(1), 'diode', 1)).toBeUndefined();
  expect(findCuts(bytes.subarray(0, 3), 'diode', 1)).toBeUndefined();
  expect(findCuts(Buffer.alloc(40, 0xff), 'diode', 1)).toBeUndefined();
});

test.each(['diode', 'otlp'] as const)('what the encoder writes for %s can be cut', (encoding) => {
  const builder = new BatchBuilder({ encoding, runId: 'r', now: () => 0 });
  for (let index = 0; index < 100; index++) builder.add({ site: { name: 'x'.repeat(index * 10) } });
  const { bytes, entityCount } = builder.close() ?? expect.fail('no batch');
  expect(findCuts(bytes, encoding, entityCount)).toHaveLength(101);
});

test('text is not cut', () => {
  expect(findCuts(Buffer.from('  {},\n  {}'), 'json', 2)).toBeUndefined();
});
