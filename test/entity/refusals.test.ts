import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BatchBuilder } from '../../src/entity/batch-builder.ts';
import { EntityError } from '../../src/entity/entity-error.ts';
import { encodeEntity } from './support/encode.ts';

function refusalOf(entity: unknown): EntityError {
  try {
    encodeEntity(entity);
  } catch (error) {
    if (error instanceof EntityError) return error;
    throw error;
  }
  throw new Error('the entity was taken');
}

const device = (fields: object): object => ({ device: fields });

class WithAccessor {
  get name(): string {
    return 'r1';
  }
}

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

const WHEN = 'a valid Date or an RFC 3339 time such as 2026-01-02T03:04:05Z';

describe('an entity that is none is refused, with the place and what was expected', () => {
  test.each<[string, unknown, string]>([
    ['null', null, 'expected an object (Entity), got null'],
    ['undefined', undefined, 'expected an object (Entity), got undefined'],
    ['a text', 'device', 'expected an object (Entity), got the string "device"'],
    ['a list', [{ device: {} }], 'expected an object (Entity), got a list'],
    ['a function', () => 1, 'expected an object (Entity), got a function'],
    ['a Map', new Map([['device', {}]]), 'expected an object (Entity), got a Map'],
    ['a Promise', Promise.resolve({ device: {} }), 'expected an object (Entity), got a Promise'],
    ['an empty object', {}, 'expected one kind of entity, such as device or ip_address, got none'],
    [
      'a kind that is null',
      { device: null, site: undefined },
      'expected one kind of entity, such as device or ip_address, got none',
    ],
    ['two kinds', { device: {}, site: 'x' }, 'expected only one of device, site, got device and site'],
    [
      'an unknown kind',
      { devise: {} },
      'devise: expected a kind of entity (did you mean device?), got an unknown key',
    ],
    [
      'a kind in camel case',
      { ipAddress: {} },
      'ipAddress: expected a kind of entity (did you mean ip_address?), got an unknown key',
    ],
    ['a kind that is a list', { device: [] }, 'device: expected an object (Device) or its name, got a list'],
    ['a kind that is a number', { site: 5 }, 'site: expected an object (Site) or its name, got the number 5'],
    [
      'a bare value where there is none',
      { cable: 'x' },
      'cable: expected an object (Cable), got the string "x"',
    ],
  ])('%s', (_, entity, message) => {
    expect(refusalOf(entity).message).toBe(`entity 0: ${message}`);
  });
});

describe('a value that its field does not take is refused', () => {
  test.each<[object, string]>([
    [device({ name: 5 }), 'device.name: expected a string, got the number 5'],
    [device({ name: true }), 'device.name: expected a string, got true'],
    [device({ name: { toString: () => 'x' } }), 'device.name: expected a string, got an object'],
    [device({ name: new String('x') }), 'device.name: expected a string, got a String'],
    [device({ name: Symbol('x') }), 'device.name: expected a string, got a symbol'],
    [device({ site: { name: 5 } }), 'device.site.name: expected a string, got the number 5'],
    [device({ site: ['x'] }), 'device.site: expected an object (Site) or its name, got a list'],
    [device({ site: new Date(0) }), 'device.site: expected an object (Site) or its name, got a Date'],
    [device({ site: new Set(['x']) }), 'device.site: expected an object (Site) or its name, got a Set'],
    [
      device({ site: new WithAccessor() }),
      'device.site: expected an object (Site) or its name, got a WithAccessor',
    ],
    [device({ site: Buffer.from('x') }), 'device.site: expected an object (Site) or its name, got a Buffer'],
    [
      device({ sites: {} }),
      'device.sites: expected a field of Device (did you mean site?), got an unknown key',
    ],
    [
      device({ deviceType: 'x' }),
      'device.deviceType: expected a field of Device (did you mean device_type?), got an unknown key',
    ],
    [device({ colour: 'red' }), 'device.colour: expected a field of Device, got an unknown key'],
    [device({ 'a b': 1 }), 'device["a b"]: expected a field of Device, got an unknown key'],
    [
      JSON.parse('{"device":{"__proto__":{"name":"x"}}}') as object,
      'device.__proto__: expected a field of Device, got an unknown key',
    ],
    [device({ constructor: 'x' }), 'device.constructor: expected a field of Device, got an unknown key'],
    [device({ tags: 'x' }), 'device.tags: expected a list, got the string "x"'],
    [device({ tags: new Set(['x']) }), 'device.tags: expected a list, got a Set'],
    [device({ tags: { 0: 'x' } }), 'device.tags: expected a list, got an object'],
    [device({ tags: ['x', null] }), 'device.tags[1]: expected an object (Tag) or its name, got null'],
    [device({ tags: new Array(1e9) }), 'device.tags[0]: expected an object (Tag) or its name, got undefined'],
    [device({ tags: ['x', { name: 1 }] }), 'device.tags[1].name: expected a string, got the number 1'],
    [{ tag: { object_types: ['a', 5] } }, 'tag.object_types[1]: expected a string, got the number 5'],
    [device({ vc_position: true }), 'device.vc_position: expected an integer of 64 bits, got true'],
    [device({ vc_position: 1.5 }), 'device.vc_position: expected an integer of 64 bits, got the number 1.5'],
    [device({ vc_position: NaN }), 'device.vc_position: expected an integer of 64 bits, got the number NaN'],
    [
      device({ vc_position: 2 ** 53 }),
      'device.vc_position: expected an integer of at most 2^53 (beyond that a bigint or decimal digits), got the number 9007199254740992',
    ],
    [
      device({ vc_position: 2n ** 63n }),
      'device.vc_position: expected an integer of 64 bits, got a bigint of more than 64 bits',
    ],
    [
      device({ vc_position: '-9223372036854775809' }),
      'device.vc_position: expected an integer of 64 bits, got the string "-9223372036854775809"',
    ],
    [
      device({ vc_position: '1e3' }),
      'device.vc_position: expected an integer of 64 bits, got the string "1e3"',
    ],
    [device({ vc_position: '' }), 'device.vc_position: expected an integer of 64 bits, got the string ""'],
    [
      { service: { ports: [80, '0x50'] } },
      'service.ports[1]: expected an integer of 64 bits, got the string "0x50"',
    ],
    [{ asn: { asn: 1.5 } }, 'asn.asn: expected an integer of 64 bits, got the number 1.5'],
    [{ asn: true }, 'asn: expected an object (ASN) or its asn, got true'],
    [device({ latitude: '38.7' }), 'device.latitude: expected a number, got the string "38.7"'],
    [device({ latitude: 38n }), 'device.latitude: expected a number, got the bigint 38'],
    [{ interface: { enabled: 1 } }, 'interface.enabled: expected true or false, got the number 1'],
    [{ interface: { enabled: 'no' } }, 'interface.enabled: expected true or false, got the string "no"'],
    [
      device({ name: 'a\ud800' }),
      'device.name: expected valid Unicode, got a text with half of a surrogate pair',
    ],
    [
      device({ name: `${'x'.repeat(50)}\udc00` }),
      'device.name: expected valid Unicode, got a text with half of a surrogate pair',
    ],
    [
      { device_config: { startup: 'not base64!' } },
      'device_config.startup: expected a Uint8Array or base64, got the string "not base64!"',
    ],
    [
      { device_config: { startup: [1, 2] } },
      'device_config.startup: expected a Uint8Array or base64, got a list',
    ],
    [device({ custom_fields: [] }), 'device.custom_fields: expected an object, got a list'],
    [device({ custom_fields: new Map() }), 'device.custom_fields: expected an object, got a Map'],
    [
      device({ custom_fields: { x: 'text' } }),
      'device.custom_fields.x: expected an object (CustomFieldValue), got the string "text"',
    ],
    [
      device({ custom_fields: { x: {} } }),
      'device.custom_fields.x: expected exactly one field of CustomFieldValue, got none',
    ],
    [
      device({ custom_fields: { x: { text: 'a', multiple_selection: ['b'] } } }),
      'device.custom_fields.x: expected exactly one field of CustomFieldValue, got multiple_selection and text',
    ],
    [
      device({ custom_fields: { 'a.b': { integer: 0.5 } } }),
      'device.custom_fields["a.b"].integer: expected an integer of 64 bits, got the number 0.5',
    ],
    [
      device({ custom_fields: { x: { object: {} } } }),
      'device.custom_fields.x.object: expected exactly one field of CustomFieldObjectReference, got none',
    ],
    [
      { cable: { a_terminations: [{ object_interface: 'e0', object_device: 'r1' }] } },
      'cable.a_terminations[0]: expected only one of object_interface, object_device, got object_interface and object_device',
    ],
    [
      { cable: { a_terminations: [{ interface: 'e0' }] } },
      'cable.a_terminations[0].interface: expected a field of GenericObject, got an unknown key',
    ],
    [
      { cluster: { name: 'c', scope_site: 's', scope_region: 'r' } },
      'cluster: expected only one of scope_location, scope_region, scope_site, scope_site_group, got scope_region and scope_site',
    ],
    [
      { journal_entry: { comments: 'x', assigned_object_site: 's', assigned_object_rack: 'r' } },
      'journal_entry: expected only one of assigned_object_site, assigned_object_rack, got assigned_object_site and assigned_object_rack',
    ],
    [device({ metadata: 'x' }), 'device.metadata: expected an object, got the string "x"'],
    [device({ metadata: ['x'] }), 'device.metadata: expected an object, got a list'],
    [
      device({ metadata: { a: [1, NaN] } }),
      'device.metadata.a[1]: expected a finite number, got the number NaN',
    ],
    [
      device({ metadata: { a: { b: -Infinity } } }),
      'device.metadata.a.b: expected a finite number, got the number -Infinity',
    ],
    [device({ metadata: { a: 5n } }), 'device.metadata.a: expected a JSON value, got the bigint 5'],
    [device({ metadata: { a: [undefined] } }), 'device.metadata.a[0]: expected a JSON value, got undefined'],
    [device({ metadata: { a: new Date(0) } }), 'device.metadata.a: expected an object, got a Date'],
    [device({ metadata: { a: new Map() } }), 'device.metadata.a: expected an object, got a Map'],
    [
      device({ metadata: { '\ud800': 1 } }),
      'device.metadata["\\ud800"]: expected valid Unicode, got a text with half of a surrogate pair',
    ],
    [{ timestamp: 5, site: 'x' }, `timestamp: expected ${WHEN}, got the number 5`],
    [{ timestamp: new Date(NaN), site: 'x' }, `timestamp: expected ${WHEN}, got a Date`],
    [
      { aggregate: { date_added: '2026-02-30T00:00:00Z' } },
      `aggregate.date_added: expected ${WHEN}, got the string "2026-02-30T00:00:00Z"`,
    ],
  ])('$1', (entity, message) => {
    expect(refusalOf(entity).message).toBe(`entity 0: ${message}`);
  });
});

test('a long value is cut in the message', () => {
  const { message } = refusalOf(device({ vc_position: 'x'.repeat(1_000_000), name: 'r1' }));
  expect(message.length).toBeLessThan(200);
});

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
    expect(encodeEntity(nestedRegions(99)).length).toBeGreaterThan(0);
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
