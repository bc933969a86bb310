import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { get } from 'node:http';
import { createServer } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { program } from './bench-daemon.ts';

/** What a start came to. */
interface Start {
  /** From exec to the first 200 of `/readyz`. */
  readonly tookMs: number;
  /** What `look` said. */
  readonly seen: number;
}

/** Starts the program with these flags, lets `look` see the daemon when it is ready, and ends it. */
export async function timeStart(
  flags: readonly string[],
  look: (pid: number) => Promise<number> = async () => Number.NaN,
): Promise<Start> {
  const port = await freePort();
  const started = performance.now();
  const daemon = spawn(process.execPath, [program, ...flags, '--port', String(port)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let log = '';
  daemon.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text;
  });
  while (!(await isReady(port))) {
    if (daemon.exitCode !== null) throw new Error(`the daemon ended:\n${log}`);
    await wait(1);
  }
  const tookMs = performance.now() - started;
  const seen = await look(daemon.pid ?? 0);
  daemon.kill();
  await once(daemon, 'exit');
  return { tookMs, seen };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' ? (address?.port ?? 0) : 0;
}

function isReady(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    get({ port, host: '127.0.0.1', path: '/readyz', agent: false }, (reply) => {
      reply.resume();
      resolve(reply.statusCode === 200);
    }).on('error', () => resolve(false));
  });
}
