import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';

/** systemd's side: keeps what it is told. */
export class Listener implements Disposable {
  readonly messages: string[] = [];
  readonly #close: () => void;
  readonly #watchers = new Set<() => void>();

  constructor(close: () => void) {
    this.#close = close;
  }

  hear(message: string): void {
    this.messages.push(message);
    for (const look of this.#watchers) look();
  }

  /** Resolves when `count` messages have come since the start. */
  heard(count: number): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (this.messages.length < count) return;
        this.#watchers.delete(look);
        resolve();
      };
      this.#watchers.add(look);
      look();
    });
  }

  [Symbol.dispose](): void {
    this.#close();
  }
}

/** Hears what {@link STAND_IN} says. */
export async function listen(address: string): Promise<Listener> {
  const server = createServer((socket) => {
    socket.on('data', (bytes) => listener.hear(bytes.toString()));
  });
  const listener = new Listener(() => server.close());
  await once(server.listen(address), 'listening');
  return listener;
}

/** Binds, says so, prints each datagram on a line of its own. */
const RECEIVER = `use IO::Socket::UNIX; $| = 1;
my $socket = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $ARGV[0]) or die; print "bound\\n";
while (defined $socket->recv(my $message, 4096)) { print "$message\\n" }`;

/** Hears what systemd's own program says. Node has no datagram sockets of this kind; Perl, where systemd is, has. */
export async function listenForDatagrams(address: string): Promise<Listener> {
  const receiver = spawn('perl', ['-e', RECEIVER, address], { stdio: ['ignore', 'pipe', 'inherit'] });
  const listener = new Listener(() => receiver.kill());
  const lines = createInterface({ input: receiver.stdout });
  await once(lines, 'line');
  // A barrier is how a sender finds out that all before it has been read.
  lines.on('line', (line) => line === 'BARRIER=1' || listener.hear(line));
  return listener;
}

/** True where systemd's own program can be used, and heard. */
export function hasSystemdNotify(): boolean {
  try {
    execFileSync('systemd-notify', ['--version']);
    execFileSync('perl', ['-MIO::Socket::UNIX', '-e', '1']);
    return true;
  } catch {
    return false;
  }
}

/** Says its argument at the address that systemd's own program would send it to. */
export const STAND_IN = `#!${process.execPath}
require('node:net').connect(process.env.NOTIFY_SOCKET).end(process.argv[2]);
`;

/** A `PATH` on which `systemd-notify` is this script. */
export function pathWith(folder: string, script: string): string {
  const bin = mkdtempSync(path.join(folder, 'bin-'));
  writeFileSync(path.join(bin, 'systemd-notify'), script, { mode: 0o755 });
  return `${bin}:${process.env.PATH}`;
}
