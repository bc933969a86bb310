import os from 'node:os';
import type { Link, Machine } from '../machine.ts';
import { addressesOf } from './addresses.ts';
import { readIdentity } from './identity.ts';
import { readLinksElsewhere } from './links-elsewhere.ts';
import { readLinuxLinks } from './links-linux.ts';
import { readPrimary } from './primary.ts';

/** Reads this machine. Needs no root; what the system does not tell is left out. */
export async function readMachine(): Promise<Machine> {
  const [identity, links] = await Promise.all([readIdentity(), readLinks()]);
  const addresses = addressesOf(os.networkInterfaces(), new Set(links.map(({ name }) => name)));
  return { identity, links, addresses, primary: await readPrimary(addresses) };
}

function readLinks(): Promise<Link[]> {
  return readLinuxLinks('/sys/class/net').catch(readLinksElsewhere);
}
