import { describe, expect, test } from 'vitest';
import { device, refusalOf } from './support/refusal.ts';

class WithAccessor {
  get name(): string {
    return 'r1';
  }
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
