import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BATCH_HEADER, MAX_BATCH_BYTES } from '../../src/backend/frames.ts';
import { BatchBuilder, type EncodedBatch } from '../../src/entity/batch-builder.ts';
import type { BatchEncoding } from '../../src/sink/contract.ts';
import { oracleFor } from './support/oracle.ts';
import { randomEntity } from './support/random-entity.ts';

const LIMIT = 3_145_728;
const NOW = Date.UTC(2031, 2, 14, 15, 9, 26);

const request = oracleFor('diode.v1.IngestRequest');
const entity = oracleFor('diode.v1.Entity');
const scopeLogs = oracleFor('opentelemetry.proto.logs.v1.ScopeLogs', 'otlp-logs.json');

function builderOf(encoding: BatchEncoding, runId = 'r-000017', warnings: string[] = []): BatchBuilder {
  return new BatchBuilder({ encoding, runId, now: () => NOW, warn: (message) => warnings.push(message) });
}

function build(builder: BatchBuilder, entities: Iterable<unknown>): EncodedBatch[] {
  const batches: EncodedBatch[] = [];
  for (const entity of entities) {
    const closed = builder.add(entity);
    if (closed) batches.push(closed);
  }
  const last = builder.close();
  return last ? [...batches, last] : batches;
}

function entitiesOf(encoding: BatchEncoding, bytes: Buffer): unknown[] {
  if (encoding === 'json') return JSON.parse(`[${bytes.toString('utf8')}]`) as unknown[];
  if (encoding === 'diode') return (request.decode(bytes) as { entities: unknown[] }).entities;
  const { log_records: records } = scopeLogs.decode(bytes) as {
    log_records: { body: { string_value: string } }[];
  };
  return records.map((record) => JSON.parse(record.body.string_value) as unknown);
}

/** How long the entities of a diode batch are, without tag and length. */
function entitySizes(bytes: Buffer): number[] {
  const { entities } = request.decode(bytes) as { entities: unknown[] };
  return entities.map((json) => entity.encode(json).length);
}

/** A site whose entity has exactly this many bytes. */
function siteOfSize(bytes: number): object {
  const site = (length: number): object => ({ site: { comments: 'x'.repeat(length) } });
  const guess = bytes - 100;
  const builder = builderOf('diode');
  builder.add(site(guess));
  const [size = 0] = entitySizes(builder.close()?.bytes ?? Buffer.alloc(0));
  return site(guess + bytes - size);
}

const encodings: readonly BatchEncoding[] = ['diode', 'json', 'otlp'];

describe('a batch', () => {
  test('closes where the Python worker closes its chunks: entities of 71 bytes', () => {
    const builder = builderOf('diode', 'a-run-id-of-28-characters-xx');
    const devices = Array.from({ length: 200_000 }, (_, i) => ({
      device: { name: `device-${String(i).padStart(6, '0')}` },
    }));
    const batches = build(builder, devices);
    expect(batches.map((batch) => batch.entityCount)).toEqual([44_306, 44_306, 44_306, 44_306, 22_776]);
    expect(batches[0]?.bytes.length).toBe(44_306 * 73);
    expect(builder.entityCount).toBe(200_000);
  });

  test('is filled to the last byte', () => {
    const builder = builderOf('diode');
    const half = siteOfSize(LIMIT / 2);
    expect(builder.add(half)).toBeUndefined();
    expect(builder.add(half)).toBeUndefined();
    expect(builder.add({ site: 'x' })?.entityCount).toBe(2);
    expect(builder.close()?.entityCount).toBe(1);
    expect(builder.add(half)).toBeUndefined();
    expect(builder.add(siteOfSize(LIMIT / 2 + 1))?.entityCount).toBe(1);
  });

  test('of JSON that is nested deeply closes before it is too large for the way to the daemon', () => {
    let region: object = { name: 'r' };
    for (let depth = 0; depth < 30; depth++) region = { name: 'r', parent: region };
    const entities = Array.from({ length: 12_000 }, () => ({ region }));
    const batches = build(builderOf('json'), entities);
    expect(batches.reduce((sum, { entityCount }) => sum + entityCount, 0)).toBe(12_000);
    expect(batches.length).toBeGreaterThan(1);
    for (const { bytes } of batches) {
      expect(bytes.length).toBeLessThan(MAX_BATCH_BYTES - BATCH_HEADER);
    }
    expect(entitiesOf('json', batches[1]?.bytes ?? Buffer.alloc(0))[0]).toMatchObject({
      region: { name: 'r' },
    });
  });

  test.each(encodings)('of %s holds every entity once, in order, whatever their sizes', (encoding) => {
    const sizes = fc.array(fc.oneof(fc.nat(300), fc.constantFrom(600_000, 3_000_000, 3_200_000)), {
      maxLength: 12,
    });
    fc.assert(
      fc.property(sizes, (lengths) => {
        const names = lengths.map((length, i) => `${i}-${'x'.repeat(length)}`);
        const batches = build(
          builderOf(encoding),
          names.map((name) => ({ site: name })),
        );
        const arrived = batches.flatMap((batch) => {
          const entities = entitiesOf(encoding, batch.bytes) as { site: { name: string } }[];
          expect(entities).toHaveLength(batch.entityCount);
          const several = batch.entityCount > 1;
          if (encoding === 'otlp' && several) expect(batch.bytes.length).toBeLessThanOrEqual(LIMIT);
          return entities.map((entity) => entity.site.name);
        });
        expect(arrived).toEqual(names);
      }),
      { numRuns: 10 },
    );
  });

  test.each(encodings)('of %s is not touched by what is added later', (encoding) => {
    const builder = builderOf(encoding);
    const closed: { batch: EncodedBatch; copy: Buffer }[] = [];
    const keep = (batch: EncodedBatch | undefined): void => {
      if (batch) closed.push({ batch, copy: Buffer.from(batch.bytes) });
    };
    for (const length of [10, 2_000_000, 2_000_000, 5, 3_500_000, 10, 10]) {
      keep(builder.add({ site: 'a'.repeat(length) }));
      keep(builder.add({ site: 'b' }));
    }
    keep(builder.close());
    for (let i = 0; i < 1000; i++) builder.add({ site: 'c'.repeat(100) });
    keep(builder.close());
    expect(closed.length).toBeGreaterThan(4);
    for (const { batch, copy } of closed) expect(batch.bytes.equals(copy)).toBe(true);
  });

  test.each(encodings)('of %s stays as it was when an entity is refused', (encoding) => {
    const good = { site: { name: 'Porto 1', tags: ['a'] } };
    const builder = builderOf(encoding);
    builder.add(good);
    for (const bad of [null, { site: { tags: ['x'.repeat(100_000), 5] } }, { device: {}, site: {} }]) {
      expect(() => builder.add(bad)).toThrow('entity 1: ');
    }
    builder.add(good);
    expect(builder.entityCount).toBe(2);
    const other = builderOf(encoding);
    other.add(good);
    other.add(good);
    expect(builder.close()).toEqual(other.close());
  });

  test('that is small does not keep a large buffer in memory', () => {
    const builder = builderOf('diode');
    build(builder, [{ site: 'x'.repeat(3_000_000) }]);
    builder.add({ site: 'x' });
    expect(builder.close()?.bytes.buffer.byteLength).toBeLessThan(100_000);
  });

  test('that was never begun is none', () => {
    const builder = builderOf('json');
    expect(builder.isEmpty).toBe(true);
    expect(builder.close()).toBeUndefined();
    builder.add({ site: 'x' });
    expect(builder.isEmpty).toBe(false);
    expect(builder.close()?.entityCount).toBe(1);
    expect(builder.close()).toBeUndefined();
    expect(builder.isEmpty).toBe(true);
    expect(builder.entityCount).toBe(1);
  });
});

describe('an entity that is large', () => {
  test('goes alone when it does not fit into any batch', () => {
    const batches = build(builderOf('diode'), [
      { site: 'a' },
      { site: 'x'.repeat(5_000_000) },
      { site: 'b' },
    ]);
    expect(batches.map((batch) => batch.entityCount)).toEqual([1, 1, 1]);
  });

  test('is taken up to 16 MiB', () => {
    const [batch] = build(builderOf('diode'), [siteOfSize(16 * 1024 * 1024)]);
    expect(batch?.entityCount).toBe(1);
    expect(() => builderOf('diode').add(siteOfSize(16 * 1024 * 1024 + 1))).toThrow('at most 16777216 bytes');
  });

  test.each(encodings)('is refused above 16 MiB, and the next one is taken: %s', (encoding) => {
    const builder = builderOf(encoding);
    expect(() => builder.add({ site: 'x'.repeat(16 * 1024 * 1024) })).toThrow(
      'entity 0: expected at most 16777216 bytes of protobuf, got more',
    );
    builder.add({ site: 'x' });
    expect(builder.close()?.entityCount).toBe(1);
  });
});

describe("a run's entities", () => {
  test.each(encodings)('carry the id of the run beside their own metadata: %s', (encoding) => {
    const [batch] = build(builderOf(encoding), [
      { device: { name: 'r1' } },
      { device: { metadata: { run_id: 'mine', seen: { by: 'lldp' } } } },
      { site: 'Porto 1' },
      { device: { site: { name: 'x', metadata: { run_id: 'inner' } } } },
    ]);
    const timestamp = '2031-03-14T15:09:26Z';
    const metadata = { run_id: 'r-000017' };
    expect(entitiesOf(encoding, batch?.bytes ?? Buffer.alloc(0))).toEqual([
      { timestamp, device: { name: 'r1', metadata } },
      { timestamp, device: { metadata: { ...metadata, seen: { by: 'lldp' } } } },
      { timestamp, site: { name: 'Porto 1', metadata } },
      { timestamp, device: { site: { name: 'x', metadata: { run_id: 'inner' } }, metadata } },
    ]);
  });

  test('are the same in JSON and in log records', () => {
    fc.assert(
      fc.property(fc.array(randomEntity, { minLength: 1, maxLength: 5 }), (entities) => {
        const [json, otlp, diode] = (['json', 'otlp', 'diode'] as const).map((encoding) => {
          const [batch] = build(builderOf(encoding), entities);
          return entitiesOf(encoding, batch?.bytes ?? Buffer.alloc(0));
        });
        expect(json).toEqual(otlp);
        expect(json).toEqual(diode);
      }),
      { numRuns: 100 },
    );
  });

  test('warn once a place, however many they are', () => {
    const warnings: string[] = [];
    const builder = builderOf('diode', 'r', warnings);
    for (let i = 0; i < 100; i++) builder.add({ device: { name: `r${i}`, manufacturer: 'Juniper' } });
    builder.add({ interface: { name: 'e0', site: 'x' } });
    for (let i = 0; i < 100; i++)
      builder.add({
        cable: {
          a_terminations: Array.from({ length: i }, () => ({ object_device: { manufacturer: 'x' } })),
        },
      });
    expect(warnings.slice(0, 2).map((text) => text.split(': ').slice(0, 2))).toEqual([
      ['entity 0', 'device.manufacturer'],
      ['entity 100', 'interface.site'],
    ]);
    expect(warnings).toHaveLength(10);
  });
});
