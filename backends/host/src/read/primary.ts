import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { Address, Machine } from '../machine.ts';

/** Addresses kept for documentation: nobody has them, so only the default route leads there. */
const elsewhere = { 4: '203.0.113.1', 6: '2001:db8::1' } as const;
const anyPort = 9;

/** Finds, among `addresses`, those that the machine's default routes use. */
export async function readPrimary(addresses: readonly Address[]): Promise<Machine['primary']> {
  const [source4, source6] = await Promise.all([sourceAddress(4), sourceAddress(6)]);
  return { ipv4: withAddress(addresses, source4), ipv6: withAddress(addresses, source6) };
}

function withAddress(addresses: readonly Address[], text: string | undefined): Address | undefined {
  return text === undefined ? undefined : addresses.find(({ cidr }) => cidr.startsWith(`${text}/`));
}

/**
 * The address that the system would send from. Connecting a UDP socket makes it choose route and source, and sends
 * nothing. undefined without a route.
 */
async function sourceAddress(family: 4 | 6): Promise<string | undefined> {
  const socket = createSocket(family === 4 ? 'udp4' : 'udp6');
  try {
    socket.connect(anyPort, elsewhere[family]);
    await once(socket, 'connect');
    return socket.address().address;
  } catch {
    return undefined;
  } finally {
    socket.close();
  }
}
