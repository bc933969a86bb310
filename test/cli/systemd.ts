import { execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { DgramSocket } from 'node-unix-socket';

/** systemd's end of a notification socket: keeps what it is told. */
export class Listener implements Disposable {
  readonly messages: string[] = [];
  readonly #socket = new DgramSocket();
  readonly #watchers = new Set<() => void>();

  /** @param address where to bind, a path. */
  constructor(address: string) {
    this.#socket.on('data', (bytes: Buffer) => {
      const message = bytes.toString();
      // How a sender finds out that all before has been read.
      if (message === 'BARRIER=1') return;
      this.messages.push(message);
      for (const look of this.#watchers) look();
    });
    this.#socket.bind(address);
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
    this.#socket.close();
  }
}

/** True where systemd's own program is installed. */
export function hasSystemdNotify(): boolean {
  try {
    execFileSync('systemd-notify', ['--version']);
    return true;
  } catch {
    return false;
  }
}

/** A `PATH` on which `systemd-notify` is this script. */
export function pathWith(folder: string, script: string): string {
  const bin = mkdtempSync(path.join(folder, 'bin-'));
  writeFileSync(path.join(bin, 'systemd-notify'), script, { mode: 0o755 });
  return `${bin}:${process.env.PATH}`;
}

const library = createRequire(import.meta.url).resolve('node-unix-socket');

/** Sends its argument as systemd's own program does. */
export const STAND_IN = `#!${process.execPath}
const { DgramSocket } = require(${JSON.stringify(library)});
const message = Buffer.from(process.argv[2]);
const socket = new DgramSocket();
socket.sendTo(message, 0, message.length, process.env.NOTIFY_SOCKET, () => socket.close());
`;
