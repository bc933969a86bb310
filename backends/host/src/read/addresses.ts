import type { NetworkInterfaceInfo } from 'node:os';
import type { Address } from '../machine.ts';

type Interfaces = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>;

/**
 * Every address of the interfaces that are up.
 *
 * @param interfaces what `os.networkInterfaces()` says.
 * @param linkNames the interfaces there are. Linux shows a labelled address (`eth0:web`) under its label.
 */
export function addressesOf(interfaces: Interfaces, linkNames: ReadonlySet<string>): Address[] {
  return Object.entries(interfaces).flatMap(([label, infos]) => {
    const link = linkNames.has(label) ? label : withoutLabel(label);
    return (infos ?? []).map((info) => addressOf(link, info));
  });
}

function withoutLabel(name: string): string {
  const colon = name.indexOf(':');
  return colon > 0 ? name.slice(0, colon) : name;
}

function addressOf(link: string, info: NetworkInterfaceInfo): Address {
  const family = info.family === 'IPv4' ? 4 : 6;
  // Node gives no prefix length for a netmask with holes.
  const cidr = info.cidr ?? `${info.address}/${family === 4 ? 32 : 128}`;
  return { link, family, cidr };
}
