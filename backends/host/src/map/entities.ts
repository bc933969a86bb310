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
  const links = machine.links.filter(({ name }) => wanted(name));
  const linksByName = new Map(links.map((link) => [link.name, link]));
  const device = deviceOf(machine, scope);
  const tags = scope.tags.length > 0 ? { tags: scope.tags } : {};

  const ipAddressOf = ({ link: name, cidr }: Address) => {
    const link = linksByName.get(name);
    return link && { address: cidr, status: 'active', assigned_object_interface: referenceOf(link, device) };
  };
  const primary4 = machine.primary.ipv4 && ipAddressOf(machine.primary.ipv4);
  const primary6 = machine.primary.ipv6 && ipAddressOf(machine.primary.ipv6);

  return [
    {
      device: {
        ...device,
        ...tags,
        ...(primary4 && { primary_ip4: primary4 }),
        ...(primary6 && { primary_ip6: primary6 }),
      },
    },
    ...links.map((link) => ({ interface: { ...interfaceOf(link, linksByName, device), ...tags } })),
    ...machine.addresses
      .map(ipAddressOf)
      .filter((address) => address !== undefined)
      .map((address) => ({ ip_address: { ...address, ...tags } })),
  ];
}

type Device = ReturnType<typeof deviceOf>;

function deviceOf({ identity }: Machine, scope: Scope) {
  const manufacturer = identity.manufacturer ?? 'Generic';
  return {
    name: scope.device ?? identity.hostname,
    device_type: { model: identity.model ?? 'Computer', manufacturer },
    role: scope.role,
    platform: identity.platform,
    site: scope.site,
    status: 'active',
    ...(identity.serial !== undefined && { serial: identity.serial }),
  };
}

/** What names an interface for another entity. */
function referenceOf(link: Link, device: Device) {
  return { device, name: link.name, type: interfaceTypeOf(link) };
}

function interfaceOf(link: Link, links: ReadonlyMap<string, Link>, device: Device) {
  const { mtu } = link;
  return {
    ...referenceOf(link, device),
    enabled: link.enabled,
    ...(link.macAddress !== undefined && { primary_mac_address: link.macAddress }),
    ...(mtu !== undefined && mtu <= largestMtu && { mtu }),
    ...(link.speedMbps !== undefined && { speed: link.speedMbps * kbpsPerMbps }),
    ...(link.duplex !== undefined && { duplex: link.duplex }),
    ...relationsOf(link, links, device),
  };
}

/** Bridge, bond and parent, within what NetBox allows: only virtual interfaces have a parent, and none is a bond's member. */
function relationsOf(link: Link, links: ReadonlyMap<string, Link>, device: Device) {
  const isVirtual = interfaceTypeOf(link) === 'virtual';
  const master = links.get(link.master ?? '');
  const parent = links.get(link.parent ?? '');
  return {
    ...(master?.kind === 'bridge' && { bridge: referenceOf(master, device) }),
    ...(master?.kind === 'lag' && !isVirtual && { lag: referenceOf(master, device) }),
    ...(parent && isVirtual && { parent: referenceOf(parent, device) }),
  };
}
