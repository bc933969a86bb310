import { describe, expect, test } from 'vitest';
import { BatchBuilder } from '../../src/entity/batch-builder.ts';
import { entityJson } from '../../src/entity/wire-to-json.ts';
import type { BatchEncoding } from '../../src/sink/contract.ts';
import { encodeEntity, jsonOf } from './support/encode.ts';
import { dryRunFile, examples, type MessageExample, readFact } from './support/facts.ts';
import { oracleFor } from './support/oracle.ts';

const oracle = oracleFor('diode.v1.Entity');
const valid = examples.filter((example) => example.kind !== null);
const shorthands = examples.flatMap((example) =>
  example.shorthand ? [{ ...example, object: example.shorthand }] : [],
);

/** The same value with the keys of every object in another order. */
function withKeys(value: unknown, order: (keys: string[]) => string[]): unknown {
  if (Array.isArray(value)) return value.map((item) => withKeys(item, order));
  if (typeof value !== 'object' || value === null) return value;
  const entries = new Map(Object.entries(value));
  return Object.fromEntries(
    order([...entries.keys()]).map((key) => [key, withKeys(entries.get(key), order)]),
  );
}

const sorted = (keys: string[]): string[] =>
  keys.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
const backwards = (keys: string[]): string[] => sorted(keys).reverse();

/** JavaScript puts keys that are whole numbers first, in their own order. */
const hasNumericKeys = (example: { name: string }): boolean => example.name === 'custom-fields';

describe('every example', () => {
  test.each(valid)('$name has the bytes of the SDK', (example) => {
    const bytes = encodeEntity(withKeys(example.object, sorted));
    expect(oracle.decode(bytes)).toEqual(oracle.decode(Buffer.from(example.hex, 'hex')));
    if (!hasNumericKeys(example)) expect(bytes.toString('hex')).toBe(example.hex);
  });

  test.each(shorthands)('$name has the same bytes when it is written short', (example) => {
    expect(encodeEntity(withKeys(example.object, sorted)).toString('hex')).toBe(example.hex);
  });

  test.each(valid)('$name says the same whatever the order of its keys', (example) => {
    const bytes = encodeEntity(withKeys(example.object, backwards));
    expect(bytes.length).toBe(example.hex.length / 2);
    expect(oracle.decode(bytes)).toEqual(oracle.decode(Buffer.from(example.hex, 'hex')));
  });

  test.each(valid)('$name has the JSON of the SDK', (example) => {
    for (const isIndented of [true, false]) {
      const { text, size } = jsonOf(example.object, isIndented);
      expect(JSON.parse(text)).toEqual(example.json);
      expect(size).toBe(example.hex.length / 2);
    }
  });

  test.each(valid)('$name has the same JSON when its bytes are read back', (example) => {
    expect(JSON.parse(entityJson(Buffer.from(example.hex, 'hex')))).toEqual(example.json);
  });

  test.each(examples.filter((example) => example.kind === null))('$name is refused', (example) => {
    expect(() => encodeEntity(example.object)).toThrow('entity 0: expected one kind of entity');
  });
});

function batchOf(encoding: BatchEncoding, entities: readonly unknown[], nowMs = 0): Buffer {
  const builder = new BatchBuilder({ encoding, runId: 'r-000017', now: () => nowMs });
  for (const entity of entities) expect(builder.add(entity)).toBeUndefined();
  return builder.close()?.bytes ?? Buffer.alloc(0);
}

describe('whole messages', () => {
  test('a diode batch is the entities of an IngestRequest', () => {
    const { json } = readFact<MessageExample>('examples/ingest-request.json');
    const request = oracleFor('diode.v1.IngestRequest');
    const entities = json.entities as { device?: { metadata?: object } }[];
    const sent = request.decode(batchOf('diode', entities)) as { entities: unknown[] };
    const withRun = entities.map((entity) => {
      const [kind = ''] = Object.keys(entity).filter((key) => key !== 'timestamp');
      const fields = Reflect.get(entity, kind) as { metadata?: object };
      return { ...entity, [kind]: { ...fields, metadata: { ...fields.metadata, run_id: 'r-000017' } } };
    });
    expect(sent).toEqual({ entities: withRun });
  });

  test("a dry run's entities stand in its file byte for byte", () => {
    const file = dryRunFile();
    const { entities } = JSON.parse(file) as { entities: unknown[] };
    const ours = batchOf('json', entities).toString('utf8');
    const withoutRun = ours.replaceAll(/,\n {8}"metadata": \{\n {10}"run_id": "r-000017"\n {8}\}/g, '');
    expect(file).toContain(`"entities": [\n${withoutRun}\n  ],\n`);
  });

  test('an OTLP batch is the log records of a ScopeLogs', () => {
    const { json } = readFact<MessageExample>('examples/otlp-export.json');
    const example = json as {
      resource_logs: { scope_logs: { log_records: { body: { string_value: string } }[] }[] }[];
    };
    const records = example.resource_logs[0]?.scope_logs[0]?.log_records ?? [];
    const entities = records.map((record) => JSON.parse(record.body.string_value) as unknown);
    const scopeLogs = oracleFor('opentelemetry.proto.logs.v1.ScopeLogs', 'otlp-logs.json');
    const sent = scopeLogs.decode(batchOf('otlp', entities, 1_931_348_966_535)) as {
      log_records: { body: { string_value: string } }[];
    };
    expect(sent.log_records).toHaveLength(2);
    for (const [i, record] of sent.log_records.entries()) {
      const { body, ...rest } = records[i] ?? { body: { string_value: '' } };
      expect(record).toEqual({ ...rest, time_unix_nano: '1931348966535000000', body: expect.anything() });
      const text = record.body.string_value.replace(/,"metadata":\{"run_id":"r-000017"\}/, '');
      expect(JSON.parse(text)).toEqual(JSON.parse(body.string_value));
    }
  });
});
