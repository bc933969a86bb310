import { describe, expect, test } from 'vitest';
import type { Address, Link, Machine } from '../src/machine.ts';
import { entitiesOf } from '../src/map/entities.ts';
import { scopeSchema } from '../src/scope.ts';

const eth0: Link = {
  name: 'eth0',
  kind: 'ethernet',
  enabled: true,
  macAddress: 'aa:bb:cc:00:11:22',
  mtu: 1500,
  speedMbps: 1000,
  duplex: 'full',
  master: undefined,
  parent: undefined,
};
const bare: Link = {
  ...eth0,
  macAddress: undefined,
  mtu: undefined,
  speedMbps: undefined,
  duplex: undefined,
};
const address4: Address = { link: 'eth0', family: 4, cidr: '192.0.2.7/24' };
const address6: Address = { link: 'eth0', family: 6, cidr: 'fd00::7/64' };

const machine: Machine = {
  identity: {
    hostname: 'host-a',
    manufacturer: 'Dell Inc.',
    model: 'PowerEdge R650',
    serial: '7XK0123',
    platform: 'Debian GNU/Linux 12',
  },
  links: [eth0],
  addresses: [address4, address6],
  primary: { ipv4: address4, ipv6: address6 },
};

const deviceReference = {
  name: 'host-a',
  device_type: { model: 'PowerEdge R650', manufacturer: 'Dell Inc.' },
  role: 'server',
  platform: 'Debian GNU/Linux 12',
  site: 'Lab',
  status: 'active',
  serial: '7XK0123',
};
const untagged = { tags: [] };
const interfaceReference = { device: deviceReference, name: 'eth0', type: '1000base-t' };

function map(changes: Partial<Machine> = {}, scope: object = {}) {
  return entitiesOf({ ...machine, ...changes }, scopeSchema.parse({ site: 'Lab', role: 'server', ...scope }));
}

/** The interface entities, by name, without the device that each of them names. */
function mapLinks(...links: Link[]) {
  return map({ links, addresses: [] }).flatMap((entity) => ('interface' in entity ? [entity.interface] : []));
}

describe('the machine as NetBox sees it', () => {
  test('is a device, then its interfaces, then their addresses', () => {
    const address = (cidr: string) => ({
      address: cidr,
      status: 'active',
      assigned_object_interface: interfaceReference,
    });
    expect(map()).toEqual([
      {
        device: {
          ...deviceReference,
          primary_ip4: address('192.0.2.7/24'),
          primary_ip6: address('fd00::7/64'),
          ...untagged,
        },
      },
      {
        interface: {
          ...interfaceReference,
          enabled: true,
          primary_mac_address: 'aa:bb:cc:00:11:22',
          mtu: 1500,
          speed: 1_000_000,
          duplex: 'full',
          ...untagged,
        },
      },
      { ip_address: { ...address('192.0.2.7/24'), ...untagged } },
      { ip_address: { ...address('fd00::7/64'), ...untagged } },
    ]);
  });

  test('what the system does not tell is left out, but for what NetBox needs', () => {
    const unknown = { manufacturer: undefined, model: undefined, serial: undefined };
    const entities = map({
      identity: { ...machine.identity, ...unknown },
      links: [bare],
      addresses: [],
      primary: { ipv4: undefined, ipv6: undefined },
    });
    const device = {
      ...deviceReference,
      device_type: { model: 'Computer', manufacturer: 'Generic' },
      serial: undefined,
    };
    expect(entities).toEqual([
      { device: { ...device, ...untagged } },
      { interface: { device, name: 'eth0', type: 'other', enabled: true, ...untagged } },
    ]);
  });

  test('the scope names the device and tags everything', () => {
    const entities = map({}, { device: 'edge-1', tags: ['found', 'lab'] });
    expect(entities).toHaveLength(4);
    for (const entity of entities) {
      expect(Object.values(entity)[0]).toMatchObject({ tags: ['found', 'lab'] });
      expect(JSON.stringify(entity)).toContain('"name":"edge-1"');
    }
  });

  test('an excluded interface takes its addresses along, primary ones too', () => {
    const entities = map({ links: [eth0, { ...bare, name: 'lo' }] }, { interfaces: { exclude: ['eth*'] } });
    expect(entities).toHaveLength(2);
    expect(JSON.stringify(entities)).not.toContain('192.0.2.7');
  });

  test('an MTU that NetBox does not take is left out', () => {
    const links = mapLinks({ ...bare, mtu: 65536 }, { ...bare, name: 'big', mtu: 65537 });
    expect(links).toMatchObject([{ mtu: 65536 }, { name: 'big' }]);
    expect(links[1]).toMatchObject({ mtu: undefined });
  });
});

describe('interfaces that belong together', () => {
  const bond = { ...bare, name: 'bond0', kind: 'lag' } as const;
  const bridge = { ...bare, name: 'br0', kind: 'bridge' } as const;

  test('a member names its bond or bridge', () => {
    const links = mapLinks(bond, bridge, { ...bare, master: 'bond0' }, { ...bare, name: 'x', master: 'br0' });
    expect(links[2]).toMatchObject({ name: 'eth0', lag: { name: 'bond0', type: 'lag' } });
    expect(links[3]).toMatchObject({ name: 'x', bridge: { name: 'br0', type: 'bridge' } });
  });

  test('a VLAN names the interface it lies on, and a bridge it is a member of', () => {
    const vlan = { ...bare, name: 'v7', kind: 'vlan', parent: 'eth0', master: 'br0' } as const;
    const links = mapLinks(eth0, bridge, vlan);
    expect(links[2]).toMatchObject({
      name: 'v7',
      type: 'virtual',
      parent: { name: 'eth0', type: '1000base-t' },
      bridge: { name: 'br0' },
    });
  });

  test('a virtual interface is no member of a bond, because NetBox refuses that', () => {
    const links = mapLinks(bond, { ...bare, name: 'dummy0', kind: 'virtual', master: 'bond0' });
    expect(links[1]).toMatchObject({ lag: undefined });
  });

  test('a bridge that the scope excludes is not named', () => {
    const links = mapLinks({ ...bare, master: 'br0' });
    expect(links[0]).toMatchObject({ bridge: undefined });
  });
});
