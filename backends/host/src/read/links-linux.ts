import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Link, LinkKind } from '../machine.ts';
import { macAddressOf } from './mac-address.ts';

const interfaceIsUp = 0x1;
const interfaceIsLoopback = 0x8;
const ethernetHardware = '1';
/** Drivers that do not know their speed say -1, or what is -1 without a sign. */
const fastestMbps = 1_600_000;

/**
 * Every interface that the kernel lists, those without an address or a cable included, read from its own files: no
 * program is started, however many interfaces there are.
 *
 * @param directory `/sys/class/net`, or a copy of it. Rejects when it cannot be read.
 */
export async function readLinuxLinks(directory: string): Promise<Link[]> {
  const names = (await readdir(directory)).sort();
  const links = await Promise.all(names.map((name) => readLink(directory, name)));
  return links.filter((link) => link !== undefined);
}

/** undefined for what is no interface, such as the file `bonding_masters`, or has just gone. */
async function readLink(directory: string, name: string): Promise<Link | undefined> {
  const folder = path.join(directory, name);
  const read = (file: string): Promise<string> => readOr(path.join(folder, file), '');
  const flagsText = await read('flags');
  if (flagsText === '') return undefined;
  const flags = Number(flagsText);
  const [address, mtu, speed, duplex, master, parent, kind] = await Promise.all([
    read('address'),
    read('mtu'),
    read('speed'),
    read('duplex'),
    readlink(path.join(folder, 'master')).then(path.basename, () => undefined),
    lowerLink(folder),
    kindOf(folder, flags),
  ]);
  return {
    name,
    kind,
    enabled: (flags & interfaceIsUp) !== 0,
    macAddress: macAddressOf(address),
    mtu: positive(mtu),
    speedMbps: positive(speed, fastestMbps),
    duplex: duplex === 'full' || duplex === 'half' ? duplex : undefined,
    master,
    parent: kind === 'vlan' ? parent : undefined,
  };
}

async function kindOf(folder: string, flags: number): Promise<LinkKind> {
  if ((flags & interfaceIsLoopback) !== 0) return 'loopback';
  const has = (name: string): Promise<boolean> => exists(path.join(folder, name));
  if (await has('bridge')) return 'bridge';
  if (await has('bonding')) return 'lag';
  if ((await has('wireless')) || (await has('phy80211'))) return 'wireless';
  if (/^DEVTYPE=vlan$/m.test(await readOr(path.join(folder, 'uevent'), ''))) return 'vlan';
  if (!(await has('device'))) return 'virtual';
  return (await readOr(path.join(folder, 'type'), '')) === ethernetHardware ? 'ethernet' : 'other';
}

/** Name of the interface that this one lies on. */
async function lowerLink(folder: string): Promise<string | undefined> {
  const entries = await readdir(folder).catch(() => []);
  return entries.find((entry) => entry.startsWith('lower_'))?.slice('lower_'.length);
}

function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}

/** The trimmed text of a file; the kernel refuses to read some files of some interfaces. */
async function readOr(file: string, otherwise: string): Promise<string> {
  return readFile(file, 'utf8').then(
    (text) => text.trim(),
    () => otherwise,
  );
}

function positive(text: string, atMost = Number.MAX_SAFE_INTEGER): number | undefined {
  const value = Number(text);
  return value > 0 && value <= atMost ? value : undefined;
}
