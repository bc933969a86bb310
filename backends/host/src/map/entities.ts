import type { Entity } from 'orb-worker';
import type { Address, Link, Machine } from '../machine.ts';
import type { Scope } from '../scope.ts';
import { interfaceTypeOf } from './interface-type.ts';
import { nameFilter } from './name-filter.ts';

const largestMtu = 65536;
const kbpsPerMbps = 1000;

/**
 * The machine as NetBox sees it: the device, then its interfaces, then their addresses. Each entity names device and
 * interface in full, so that whichever arrives first makes the same objects.
 */
export function entitiesOf(machine: Machine, scope: Scope): Entity[] {
  const wanted = nameFilter(scope.interfaces);
  const links = new Map(machine.links.filter(({ name }) => wanted(name)).map((link) => [link.name, link]));
  const device = deviceOf(machine, scope);
  const { tags } = scope;

  const ipAddressOf = (address: Address | undefined) => {
    const link = links.get(address?.link ?? '');
    return (
      address &&
      link && {
        address: address.cidr,
        status: 'active',
        assigned_object_interface: referenceOf(link, device),
      }
    );
  };
  const primary_ip4 = ipAddressOf(machine.primary.ipv4);
  const primary_ip6 = ipAddressOf(machine.primary.ipv6);
  const addresses = machine.addresses.map(ipAddressOf).filter((address) => address !== undefined);

  return [
    { device: { ...device, primary_ip4, primary_ip6, tags } },
    ...Array.from(links.values(), (link) => ({ interface: { ...interfaceOf(link, links, device), tags } })),
    ...addresses.map((address) => ({ ip_address: { ...address, tags } })),
  ];
}

type Device = ReturnType<typeof deviceOf>;

function deviceOf({ identity }: Machine, scope: Scope) {
  return {
    name: scope.device ?? identity.hostname,
    device_type: { model: identity.model ?? 'Computer', manufacturer: identity.manufacturer ?? 'Generic' },
    role: scope.role,
    platform: identity.platform,
    serial: identity.serial,
    site: scope.site,
    status: 'active',
  };
}

/** What another entity names an interface by. */
function referenceOf(link: Link, device: Device) {
  return { device, name: link.name, type: interfaceTypeOf(link) };
}

function interfaceOf(link: Link, links: ReadonlyMap<string, Link>, device: Device) {
  const { enabled, mtu, macAddress, speedMbps, duplex } = link;
  return {
    ...referenceOf(link, device),
    ...relationsOf(link, links, device),
    enabled,
    mtu: mtu !== undefined && mtu <= largestMtu ? mtu : undefined,
    primary_mac_address: macAddress,
    speed: speedMbps && speedMbps * kbpsPerMbps,
    duplex,
  };
}

/** Bridge, bond and parent, as far as NetBox allows: only virtual interfaces have a parent, and none of them is in a bond. */
function relationsOf(link: Link, links: ReadonlyMap<string, Link>, device: Device) {
  const isVirtual = interfaceTypeOf(link) === 'virtual';
  const master = links.get(link.master ?? '');
  const parent = links.get(link.parent ?? '');
  return {
    parent: parent && isVirtual ? referenceOf(parent, device) : undefined,
    bridge: master?.kind === 'bridge' ? referenceOf(master, device) : undefined,
    lag: master?.kind === 'lag' && !isVirtual ? referenceOf(master, device) : undefined,
  };
}
