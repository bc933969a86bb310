import { describe, expect, test } from 'vitest';
import { encodeEntity } from './support/encode.ts';
import { oracleFor } from './support/oracle.ts';

const oracle = oracleFor('diode.v1.Entity');

function arriving(entity: unknown, warnings?: string[]): unknown {
  const { timestamp: _, ...rest } = oracle.decode(encodeEntity(entity, warnings)) as Record<string, unknown>;
  return rest;
}

describe('what an author wrote once goes where it is needed', () => {
  test("a device's manufacturer goes to its platform and its type", () => {
    expect(
      arriving({ device: { name: 'r1', manufacturer: 'Juniper', platform: 'junos', device_type: 'MX' } }),
    ).toEqual({
      device: {
        name: 'r1',
        device_type: { manufacturer: { name: 'Juniper' }, model: 'MX' },
        platform: { name: 'junos', manufacturer: { name: 'Juniper' } },
      },
    });
  });

  test('what is set stays', () => {
    expect(
      arriving({
        device: { manufacturer: { name: 'Juniper' }, platform: { name: 'eos', manufacturer: 'Arista' } },
      }),
    ).toEqual({ device: { platform: { name: 'eos', manufacturer: { name: 'Arista' } } } });
  });

  test("an interface's words go to its device, their manufacturer with them", () => {
    const interfaceFields = {
      name: 'e0',
      device: 'r1',
      site: 'Porto 1',
      role: 'leaf',
      device_type: 'MX',
      platform: 'junos',
      manufacturer: 'Juniper',
    };
    expect(arriving({ interface: interfaceFields })).toEqual({
      interface: {
        name: 'e0',
        device: {
          name: 'r1',
          site: { name: 'Porto 1' },
          role: { name: 'leaf' },
          device_type: { model: 'MX', manufacturer: { name: 'Juniper' } },
          platform: { name: 'junos', manufacturer: { name: 'Juniper' } },
        },
      },
    });
  });

  test("an inner device's own words are used up before outer ones arrive", () => {
    expect(
      arriving({ interface: { device: { name: 'r1', manufacturer: 'Juniper' }, platform: 'junos' } }),
    ).toEqual({ interface: { device: { name: 'r1', platform: { name: 'junos' } } } });
  });

  test("an address's device goes to the interface it is assigned to", () => {
    expect(
      arriving({
        ip_address: {
          address: '10.0.0.1/8',
          assigned_object_interface: 'e0',
          device: 'r1',
          site: 'Porto 1',
          device_role: 'leaf',
        },
      }),
    ).toEqual({
      ip_address: {
        address: '10.0.0.1/8',
        assigned_object_interface: {
          name: 'e0',
          device: { name: 'r1', site: { name: 'Porto 1' }, role: { name: 'leaf' } },
        },
      },
    });
  });

  test('it works at any depth', () => {
    expect(
      arriving({
        device: { primary_ip4: { address: '10.0.0.1/8', assigned_object_interface: 'e0', device: 'r1' } },
      }),
    ).toEqual({
      device: {
        primary_ip4: {
          address: '10.0.0.1/8',
          assigned_object_interface: { name: 'e0', device: { name: 'r1' } },
        },
      },
    });
  });

  test("a virtual machine's site does not overrule any scope of its cluster", () => {
    expect(
      arriving({
        virtual_machine: { name: 'v', site: 'Porto 1', cluster: { name: 'c', scope_region: 'Norte' } },
      }),
    ).toEqual({
      virtual_machine: {
        name: 'v',
        site: { name: 'Porto 1' },
        cluster: { name: 'c', scope_region: { name: 'Norte' } },
      },
    });
  });

  test('an instance of a class keeps its fields and is not changed', () => {
    class Platform {
      name = 'junos';
    }
    const platform = new Platform();
    expect(arriving({ device: { manufacturer: 'Juniper', platform } })).toEqual({
      device: { platform: { name: 'junos', manufacturer: { name: 'Juniper' } } },
    });
    expect(platform).toEqual(new Platform());
  });
});

describe('what has nobody to go to', () => {
  test('is left out with a warning', () => {
    const warnings: string[] = [];
    expect(arriving({ device: { name: 'r1', manufacturer: 'Juniper' } }, warnings)).toEqual({
      device: { name: 'r1' },
    });
    expect(warnings).toEqual([
      'entity 0: device.manufacturer: expected an object beside it that inherits it, got none, so it is left out',
    ]);
  });

  test('is told with its place', () => {
    const warnings: string[] = [];
    arriving(
      { interface: { name: 'e0', role: 'leaf', device: { name: 'r1', manufacturer: 'x' } } },
      warnings,
    );
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain('interface.device.manufacturer: ');
  });

  test("is refused where Diode's own library fails: a virtual interface has no device", () => {
    expect(() =>
      encodeEntity({ ip_address: { device: 'r1', assigned_object_vm_interface: 'eth0' } }),
    ).toThrow(
      'entity 0: ip_address.device: expected a target that has the field device, got assigned_object_vm_interface',
    );
  });

  test('what inherits is still checked', () => {
    expect(() => encodeEntity({ device: { manufacturer: 5, platform: 'junos' } })).toThrow(
      'device.platform.manufacturer: expected an object (Manufacturer) or its name, got the number 5',
    );
    expect(() => encodeEntity({ device: { manufacturer: 'x', platform: ['junos'] } })).toThrow(
      'device.platform: expected an object (Platform) or its name, got a list',
    );
    expect(() => encodeEntity({ device: { manufacturer: 'x', platform: { nam: 'junos' } } })).toThrow(
      'device.platform.nam: expected a field of Platform (did you mean name?), got an unknown key',
    );
  });
});
