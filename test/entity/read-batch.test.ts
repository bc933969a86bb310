import { expect, test } from 'vitest';
import { BatchBuilder } from '../../src/entity/batch-builder.ts';
import { entityTexts } from '../../src/entity/read-batch.ts';
import type { BatchEncoding } from '../../src/sink/contract.ts';
import { jsonOf } from './support/encode.ts';
import { examples } from './support/facts.ts';

const objects = examples.filter(({ kind }) => kind !== null).map(({ object }) => object);

function batchOf(encoding: BatchEncoding): Buffer {
  const builder = new BatchBuilder({ encoding, runId: 'r', now: () => Date.UTC(2031, 2, 14) });
  for (const object of objects) builder.add(object);
  return builder.close()?.bytes ?? expect.fail('no batch');
}

test.each<BatchEncoding>(['diode', 'otlp', 'json'])(
  'the entities of a batch of %s are read back as what they were, in order',
  (encoding) => {
    const read = Array.from(entityTexts(batchOf(encoding), encoding), (text) => JSON.parse(text));
    const written = objects.map((object) => JSON.parse(jsonOf(object).text));
    expect(read).toHaveLength(written.length);
    for (const [index, entity] of written.entries()) {
      expect(read[index]).toMatchObject(withoutMetadata(entity));
    }
  },
);

test('an empty batch has none', () => {
  for (const encoding of ['diode', 'otlp', 'json'] as const) {
    expect([...entityTexts(Buffer.alloc(0), encoding)]).toEqual([]);
  }
});

test('only those are read that are asked for', () => {
  const bytes = batchOf('diode');
  const [first] = entityTexts(Buffer.concat([bytes, Buffer.from([0x12, 100])]), 'diode');
  expect(first).toContain('"timestamp":');
});

test.each(['diode', 'json'] as const)('half a batch of %s is refused', (encoding) => {
  const bytes = batchOf(encoding);
  expect(() => [...entityTexts(bytes.subarray(0, bytes.length - 3), encoding)]).toThrow();
});

/** The run's id is added to it. */
function withoutMetadata(entity: Record<string, unknown>): object {
  return JSON.parse(JSON.stringify(entity, (key, value) => (key === 'metadata' ? undefined : value)));
}
