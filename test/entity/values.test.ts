import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readTimestamp } from '../../src/entity/timestamp.ts';
import type { Entity } from '../../src/entity/types.ts';
import { encodeEntity } from './support/encode.ts';
import { oracleFor } from './support/oracle.ts';

const oracle = oracleFor('diode.v1.Entity');

/** What arrives of an entity, without the timestamp. */
function arriving(entity: unknown): unknown {
  const { timestamp: _, ...rest } = oracle.decode(encodeEntity(entity)) as Record<string, unknown>;
  return rest;
}

class Site {
  name = 'Porto 1';
  slug: string | undefined = undefined;
  #secret = 'x';

  describe(): string {
    return this.#secret;
  }
}

describe('what is taken', () => {
  test.each<[string, Entity, unknown]>([
    ['a bare kind', { site: 'Porto 1' }, { site: { name: 'Porto 1' } }],
    ['a bare number', { asn: 64_512 }, { asn: { asn: '64512' } }],
    ['a bare bigint', { asn: 4_200_000_000n }, { asn: { asn: '4200000000' } }],
    [
      'bare values in a list',
      { site: { asns: [1, '2', { asn: 3 }] } },
      { site: { asns: [{ asn: '1' }, { asn: '2' }, { asn: '3' }] } },
    ],
    ['an empty bare value of an optional field', { device: '' }, { device: { name: '' } }],
    [
      'null and undefined as absent',
      { device: { name: null, serial: undefined, tags: null, metadata: null } },
      { device: {} },
    ],
    ['an empty list and an empty map as absent', { device: { tags: [], custom_fields: {} } }, { device: {} }],
    ['a custom field that is null as absent', { device: { custom_fields: { x: null } } }, { device: {} }],
    [
      'null in metadata as a value',
      { device: { metadata: { a: null, b: undefined } } },
      { device: { metadata: { a: null } } },
    ],
    ['-0 for an integer', { device: { vc_position: -0 } }, { device: { vc_position: '0' } }],
    ['1.0 for an integer', { device: { vc_position: 1.0 } }, { device: { vc_position: '1' } }],
    [
      'the smallest integer',
      { device: { vc_position: -(2n ** 63n) } },
      { device: { vc_position: '-9223372036854775808' } },
    ],
    [
      'the largest integer',
      { device: { vc_position: '9223372036854775807' } },
      { device: { vc_position: '9223372036854775807' } },
    ],
    [
      'doubles that are no numbers',
      { device: { latitude: NaN, longitude: -Infinity } },
      { device: { latitude: 'NaN', longitude: '-Infinity' } },
    ],
    [
      'bytes',
      { device_config: { startup: Uint8Array.of(255, 0), running: Buffer.from('x'), candidate: '' } },
      { device_config: { startup: '/wA=', running: 'eA==' } },
    ],
    ['text beyond the basic plane', { site: { name: '🛰️'.repeat(100) } }, { site: { name: '🛰️'.repeat(100) } }],
  ])('%s', (_, entity, expected) => {
    expect(arriving(entity)).toEqual(expected);
  });

  test.each<[string, unknown]>([
    ['an instance of a class', new Site()],
    ['an object without a prototype', Object.assign(Object.create(null), { name: 'Porto 1' })],
    ['fields of a prototype', Object.create({ name: 'Porto 1' })],
    ['a frozen object', Object.freeze({ name: 'Porto 1' })],
    ['a Proxy', new Proxy({ name: 'Porto 1' }, {})],
    [
      'a getter',
      {
        get name() {
          return 'Porto 1';
        },
      },
    ],
    ['symbols as keys beside the fields', { name: 'Porto 1', [Symbol('x')]: 1 }],
    ['unknown keys that say nothing', { name: 'Porto 1', colour: undefined, size: null }],
  ])('%s', (_, site) => {
    expect(arriving({ site })).toEqual({ site: { name: 'Porto 1' } });
    expect(arriving({ device: { site } })).toEqual({ device: { site: { name: 'Porto 1' } } });
  });

  test('keys called __proto__ in metadata and custom fields are keys like any other', () => {
    const fields = JSON.parse(
      '{"metadata":{"__proto__":{"a":1}},"custom_fields":{"__proto__":{"text":"x"}}}',
    ) as object;
    const bytes = encodeEntity({ site: fields });
    expect(bytes.toString('latin1').split('__proto__')).toHaveLength(3);
    expect(({} as { a?: number }).a).toBeUndefined();
  });

  test('an entity is not changed by being encoded', () => {
    const entity = { virtual_machine: { name: 'v', site: 's', device: 'd', cluster: { name: 'c' } } };
    const before = structuredClone(entity);
    encodeEntity(entity);
    expect(entity).toEqual(before);
  });
});

describe('moments', () => {
  test.each<[Date | string, string]>([
    ['2026-01-02T03:04:05Z', '2026-01-02T03:04:05Z'],
    ['2026-01-02t03:04:05.1z', '2026-01-02T03:04:05.100Z'],
    ['2026-01-02 03:04:05.000000001+00:00', '2026-01-02T03:04:05.000000001Z'],
    ['2029-06-30T22:00:00-05:30', '2029-07-01T03:30:00Z'],
    ['1969-12-31T23:59:59.999999999Z', '1969-12-31T23:59:59.999999999Z'],
    ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00Z'],
    ['0050-02-03T00:00:00Z', '0050-02-03T00:00:00Z'],
    ['9999-12-31T23:59:59.999999999Z', '9999-12-31T23:59:59.999999999Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00Z'],
    [new Date(-1), '1969-12-31T23:59:59.999Z'],
    [new Date(0), '1970-01-01T00:00:00Z'],
  ])('%s', (timestamp, expected) => {
    const json = oracle.decode(encodeEntity({ timestamp, site: 'x' })) as { timestamp: string };
    expect(json.timestamp).toBe(expected);
  });

  test.each([
    '2026-01-02',
    '2026-01-02T03:04:05',
    '2026-01-02T03:04Z',
    '2026-01-02T24:00:00Z',
    '2026-01-02T23:59:60Z',
    '2026-13-01T00:00:00Z',
    '2026-00-01T00:00:00Z',
    '2023-02-29T00:00:00Z',
    '2026-01-02T03:04:05.Z',
    '2026-01-02T03:04:05.1234567890Z',
    '2026-01-02T03:04:05+0100',
    '2026-01-02T03:04:05+24:00',
    '0000-12-31T23:59:59Z',
    '0001-01-01T00:00:00+00:01',
    '9999-12-31T23:59:59-00:01',
    '10000-01-01T00:00:00Z',
    ' 2026-01-02T03:04:05Z',
    '2026-01-02T03:04:05Z\n',
    '',
    'now',
  ])('%j is refused', (text) => {
    expect(readTimestamp(text)).toBeUndefined();
  });

  test('Dates outside of the years 1 to 9999 are refused', () => {
    expect(readTimestamp(new Date('+010000-01-01T00:00:00Z'))).toBeUndefined();
    expect(readTimestamp(new Date(-62_135_596_800_001))).toBeUndefined();
  });

  test('any Date means the same as its text with any offset', () => {
    const date = fc.date({
      min: new Date('0002-01-01T00:00:00Z'),
      max: new Date('9998-01-01T00:00:00Z'),
      noInvalidDate: true,
    });
    fc.assert(
      fc.property(date, fc.integer({ min: -1439, max: 1439 }), (moment, offset) => {
        const local = new Date(moment.getTime() + offset * 60_000).toISOString().slice(0, -1);
        const minutes = Math.abs(offset);
        const pad = (part: number): string => String(part).padStart(2, '0');
        const zone = `${offset < 0 ? '-' : '+'}${pad(Math.floor(minutes / 60))}:${pad(minutes % 60)}`;
        expect(readTimestamp(local + zone)).toEqual(readTimestamp(moment));
        const { seconds = NaN, nanos = NaN } = readTimestamp(moment) ?? {};
        expect(seconds * 1000 + nanos / 1_000_000).toBe(moment.getTime());
        expect(nanos).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});

describe('an editor refuses what the encoder refuses', () => {
  test.each<[string, Entity]>([
    // @ts-expect-error: two kinds
    ['two kinds', { device: { name: 'r1' }, site: 'x' }],
    // @ts-expect-error: no kind
    ['no kind', {}],
    // @ts-expect-error: no kind of this name
    ['an unknown kind', { devise: 'r1' }],
    // @ts-expect-error: a Device has no such field
    ['an unknown field', { device: { nam: 'r1' } }],
    // @ts-expect-error: a name is a string
    ['a number for a string', { device: { name: 5 } }],
    // @ts-expect-error: a Module has no field that a bare value fills
    ['a bare value where there is none', { module: 'x' }],
    // @ts-expect-error: one value
    ['two values in a custom field', { device: { custom_fields: { x: { text: 'a', integer: 1 } } } }],
    // @ts-expect-error: one object
    ['two objects', { cable: { a_terminations: [{ object_device: 'a', object_interface: 'b' }] } }],
    // @ts-expect-error: a time is a Date or a text
    ['a number for a time', { timestamp: 5, site: 'x' }],
  ])('%s', (_, entity) => {
    expect(() => encodeEntity(entity)).toThrow('entity 0: ');
  });
});
