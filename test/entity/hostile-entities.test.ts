import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BatchBuilder } from '../../src/entity/batch-builder.ts';
import { EntityError } from '../../src/entity/entity-error.ts';
import { encodeEntity, jsonOf } from './support/encode.ts';
import { device, refusalOf } from './support/refusal.ts';

function cyclic(): object {
  const region: Record<string, unknown> = { name: 'r' };
  region.parent = region;
  return { region };
}

function nestedRegions(count: number): object {
  let region: object = { name: 'top' };
  for (let i = 1; i < count; i++) region = { name: `r${i}`, parent: region };
  return { region };
}

describe('what has no end', () => {
  test('an object that contains itself is refused', () => {
    const { path, expected } = refusalOf(cyclic());
    expect(expected).toBe('at most 100 messages inside each other');
    expect(path).toMatch(/^region\.parent\.parent/);
  });

  test('metadata and custom fields that contain themselves are refused', () => {
    const metadata: Record<string, unknown> = {};
    metadata.again = [metadata];
    const reference: Record<string, unknown> = {};
    reference.device = { custom_fields: { x: { object: reference } } };
    for (const entity of [device({ metadata }), device({ custom_fields: { x: { object: reference } } })]) {
      expect(refusalOf(entity).expected).toBe('at most 100 messages inside each other');
    }
  });

  test('ninety-nine messages inside an entity are taken, a hundred are not', () => {
    expect(encodeEntity(nestedRegions(99))).toHaveLength(jsonOf(nestedRegions(99)).size);
    expect(refusalOf(nestedRegions(100)).expected).toBe('at most 100 messages inside each other');
  });

  test('an object that grows without end through shared parts is refused at 16 MiB', () => {
    let region: Record<string, unknown> = { name: 'x'.repeat(100) };
    let tags: unknown = region;
    for (let i = 0; i < 30; i++) {
      tags = [tags, tags];
      region = { [`k${i}`]: tags };
    }
    expect(refusalOf(device({ metadata: region })).message).toBe(
      'entity 0: expected at most 16777216 bytes of protobuf, got more',
    );
  });

  test('a list without end is refused at 16 MiB', () => {
    const tags = new Proxy<unknown[]>([], {
      get: (_, key) => (key === 'length' ? Infinity : 'x'.repeat(1000)),
    });
    expect(refusalOf(device({ tags })).expected).toBe('at most 16777216 bytes of protobuf');
  });
});

describe("what an author's own code does while an entity is read", () => {
  test('an error of a getter is told with its place', () => {
    const site = {
      get name(): string {
        throw new Error('no route to the inventory');
      },
    };
    const error = refusalOf(device({ site }));
    expect(error.message).toBe(
      'entity 0: device.site: expected an object that can be read, got no route to the inventory',
    );
    expect(error.cause).toBeInstanceOf(Error);
  });

  test('a Proxy that throws whatever is asked of it is refused', () => {
    const hostile = new Proxy(
      {},
      new Proxy(
        {},
        {
          get: () => () => {
            throw new Error('no');
          },
        },
      ),
    );
    expect(refusalOf(hostile).got).toBe('no');
    expect(refusalOf(device({ name: hostile })).message).toContain(
      'device.name: expected a string, got an object',
    );
    expect(refusalOf(device({ site: hostile })).got).toBe('no');
    expect(refusalOf(device({ metadata: hostile })).got).toBe('no');
  });

  test('an entity cannot be added while another one is read', () => {
    const builder = new BatchBuilder({ encoding: 'diode', runId: 'r', now: () => 0 });
    const nested = device({
      get name(): string {
        builder.add({ site: 'x' });
        return 'r1';
      },
    });
    expect(() => builder.add(nested)).toThrow('an entity was added while another one was being read');
    expect(builder.isEmpty).toBe(true);
    expect(builder.add({ site: 'x' })).toBeUndefined();
  });
});

test('whatever is yielded is taken or refused with an EntityError', () => {
  const builder = new BatchBuilder({ encoding: 'json', runId: 'r', now: () => 0 });
  const anything = fc.anything({
    withNullPrototype: true,
    withMap: true,
    withSet: true,
    withDate: true,
  });
  const entity = fc.oneof(
    anything,
    fc.record({ device: anything }),
    fc.record({
      device: fc.record(
        {
          name: anything,
          site: anything,
          tags: anything,
          custom_fields: anything,
          metadata: anything,
          vc_position: anything,
          latitude: anything,
          manufacturer: anything,
          platform: anything,
        },
        { requiredKeys: [] },
      ),
    }),
  );
  fc.assert(
    fc.property(entity, (value) => {
      const before = builder.entityCount;
      try {
        builder.add(value);
        expect(builder.entityCount).toBe(before + 1);
      } catch (error) {
        expect(error).toBeInstanceOf(EntityError);
        expect(builder.entityCount).toBe(before);
      }
      return true;
    }),
    { numRuns: 2000 },
  );
  const batch = builder.close();
  if (batch) expect(JSON.parse(`[${batch.bytes}]`)).toHaveLength(batch.entityCount);
});
