import { networkInterfaces, type Systeminformation } from 'systeminformation';
import type { Link, LinkKind } from '../machine.ts';
import { macAddressOf } from './mac-address.ts';

type Row = Pick<
  Systeminformation.NetworkInterfacesData,
  'iface' | 'internal' | 'virtual' | 'type' | 'mac' | 'mtu' | 'speed' | 'duplex' | 'operstate'
>;

/** The interfaces that the library finds: where there is no `/sys/class/net`. */
export async function readLinksElsewhere(): Promise<Link[]> {
  const rows = await networkInterfaces();
  return (Array.isArray(rows) ? rows : [rows]).map(linkOf);
}

/** What the library knows about one interface; it knows no bridges, bonds or VLANs. */
export function linkOf(row: Row): Link {
  return {
    name: row.iface,
    kind: kindOf(row),
    enabled: row.operstate !== 'down',
    macAddress: macAddressOf(row.mac),
    mtu: row.mtu !== null && row.mtu > 0 ? row.mtu : undefined,
    speedMbps: row.speed !== null && row.speed > 0 ? row.speed : undefined,
    duplex: row.duplex === 'full' || row.duplex === 'half' ? row.duplex : undefined,
    master: undefined,
    parent: undefined,
  };
}

function kindOf(row: Row): LinkKind {
  if (row.internal) return 'loopback';
  if (row.virtual) return 'virtual';
  if (row.type === 'wireless') return 'wireless';
  return row.type === 'wired' ? 'ethernet' : 'other';
}
