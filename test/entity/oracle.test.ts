import fc from 'fast-check';
import { expect, test } from 'vitest';
import { membersOf } from '../../src/entity/oneof.ts';
import { entityJson } from '../../src/entity/wire-to-json.ts';
import { encodeEntity, jsonOf } from './support/encode.ts';
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

test('any entity has the JSON that another protobuf library gives it, and counts its bytes', () => {
  fc.assert(
    fc.property(randomEntity, fc.boolean(), (entity, isIndented) => {
      const bytes = oracle.encode(entity);
      const { text, size } = jsonOf(entity, isIndented);
      expect(text).toMatch(isIndented ? /^[\n\x20-\x7e]*$/ : /^[\x20-\x7e]*$/);
      expect(JSON.parse(text)).toEqual(oracle.decode(bytes));
      expect(size).toBe(bytes.length);
    }),
    { numRuns: 400 },
  );
});

test('any entity has the same JSON when its bytes are read back', () => {
  fc.assert(
    fc.property(randomEntity, (entity) => {
      expect(entityJson(encodeEntity(entity))).toBe(jsonOf(entity, false).text);
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
