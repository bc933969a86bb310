import type { Link } from '../machine.ts';

/** NetBox's names of the ways to carry a speed; the system does not tell copper from fibre, so the usual one is named. */
const ethernetTypes: Readonly<Record<number, string>> = {
  100: '100base-tx',
  1000: '1000base-t',
  2500: '2.5gbase-t',
  5000: '5gbase-t',
  10000: '10gbase-t',
  25000: '25gbase-x-sfp28',
  40000: '40gbase-x-qsfpp',
  50000: '50gbase-x-sfp56',
  100000: '100gbase-x-qsfp28',
  200000: '200gbase-x-qsfp56',
  400000: '400gbase-x-qsfpdd',
  800000: '800gbase-x-qsfpdd',
};

/** NetBox's type of an interface: `other` where the speed is not known. */
export function interfaceTypeOf(link: Pick<Link, 'kind' | 'speedMbps'>): string {
  switch (link.kind) {
    case 'bridge':
    case 'lag':
      return link.kind;
    case 'loopback':
    case 'vlan':
    case 'virtual':
      return 'virtual';
    case 'wireless':
      return 'other-wireless';
    case 'ethernet':
      return ethernetTypes[link.speedMbps ?? 0] ?? 'other';
    case 'other':
      return 'other';
  }
}
