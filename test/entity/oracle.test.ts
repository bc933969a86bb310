import fc from 'fast-check';
import { expect, test } from 'vitest';
import { membersOf } from '../../src/entity/oneof.ts';
import { encodeEntity, jsonText } from './support/encode.ts';
import { oracleFor } from './support/oracle.ts';
import { randomEntity } from './support/random-entity.ts';

const oracle = oracleFor('diode.v1.Entity');

test('any entity has the bytes that another protobuf library gives it', () => {
  fc.assert(
    fc.property(randomEntity, (entity) => {
      expect(encodeEntity(entity).toString('hex')).toBe(oracle.encode(entity).toString('hex'));
    }),
    { numRuns: 400 },
  );
});

test('any entity has the JSON that another protobuf library gives it', () => {
  fc.assert(
    fc.property(randomEntity, fc.boolean(), (entity, pretty) => {
      const bytes = oracle.encode(entity);
      const text = jsonText(bytes, pretty);
      expect(text).toMatch(/^[\n\x20-\x7e]*$/);
      expect(JSON.parse(text)).toEqual(oracle.decode(bytes));
    }),
    { numRuns: 400 },
  );
});

test('every kind can be empty but for its own metadata', () => {
  for (const kind of membersOf('Entity').keys()) {
    expect(oracle.decode(encodeEntity({ [kind]: {} }))).toEqual({
      timestamp: '2031-03-14T00:00:00Z',
      [kind]: {},
    });
  }
  expect(membersOf('Entity').size).toBe(106);
});
