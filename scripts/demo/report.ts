import type { DemoEntity } from './entities.ts';

type Device = NonNullable<DemoEntity['device']>;
type Interface = NonNullable<DemoEntity['interface']>;

const interfacesShown = 8;
const unknown = '-';

/** The entities as text for 80 columns: the device, then its interfaces with their addresses. */
export function describeEntities(entities: readonly DemoEntity[]): string {
  const devices = entities.flatMap((entity) => entity.device ?? []);
  const interfaces = entities.flatMap((entity) => entity.interface ?? []);
  const addresses = Map.groupBy(
    entities.flatMap((entity) => entity.ip_address ?? []),
    (address) => address.assigned_object_interface.name,
  );
  const addressesOf = ({ name }: Interface): string[] =>
    (addresses.get(name) ?? []).map(({ address }) => address);
  return [...devices.map(describeDevice), describeInterfaces(interfaces, addressesOf)].join('\n\n');
}

function describeDevice(device: Device): string {
  const { manufacturer, model } = device.device_type;
  return table([
    ['Device', device.name],
    ['Model', `${manufacturer.name} ${model}`],
    ['Serial', device.serial ?? unknown],
    ['Platform', device.platform.name],
    ['Site, role', `${device.site.name}, ${device.role.name}`],
    ['Primary IPv4', device.primary_ip4?.address ?? unknown],
    ['Primary IPv6', device.primary_ip6?.address ?? unknown],
  ]);
}

function describeInterfaces(
  interfaces: readonly Interface[],
  addressesOf: (link: Interface) => readonly string[],
): string {
  const byAddresses = interfaces.toSorted((a, b) => addressesOf(b).length - addressesOf(a).length);
  const shown = byAddresses.slice(0, interfacesShown);
  const [head, ...rows] = table([
    ['Interface', 'Type', 'MAC address', 'MTU', 'State'],
    ...shown.map((link) => [
      link.name,
      link.type,
      link.primary_mac_address?.mac_address ?? unknown,
      link.mtu ?? unknown,
      link.enabled ? 'enabled' : 'disabled',
    ]),
  ]).split('\n');
  const withAddresses = shown.flatMap((link, index) => [
    rows[index],
    ...addressesOf(link).map((address) => `      ${address}`),
  ]);
  const rest = interfaces.length - shown.length;
  return [head, ...withAddresses, ...(rest > 0 ? [`  and ${rest} more`] : [])].join('\n');
}

/** Rows in columns as wide as they need, indented by two. */
function table(rows: readonly (readonly string[])[]): string {
  const widthOf = (column: number): number => Math.max(...rows.map((row) => row[column]?.length ?? 0));
  return rows
    .map((row) => `  ${row.map((cell, column) => cell.padEnd(widthOf(column))).join('  ')}`.trimEnd())
    .join('\n');
}
