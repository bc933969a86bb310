import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import path from 'node:path';
import { expect, test } from 'vitest';
import { RealDaemon } from '../support/real-daemon.ts';

const MiB = 2 ** 20;
const backends = path.join(import.meta.dirname, '..', 'support', 'backends');
const document = (name: string): string =>
  `policies: {${name}: {config: {package: plain, schedule: "0 0 1 1 *"}, scope: null}}`;
/** Files that this process needs besides the crowd. */
const FEW = 500;

/** As many as wanted, or as this process may open. */
function crowdSize(wanted: number): number {
  const limit = /Max open files\s+(\d+)/.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
  return Math.min(wanted, Number(limit) - FEW);
}

function openFiles({ process }: RealDaemon): number {
  return readdirSync(`/proc/${process.pid}/fd`).length;
}

function residentMiB({ process }: RealDaemon): number {
  const kib = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${process.pid}/status`, 'utf8'))?.[1];
  return (Number(kib) * 1024) / MiB;
}

/** Connections that say nothing; a few at a time, so that none is turned away for want of a place in the queue. */
async function gather(port: number, count: number): Promise<Crowd> {
  const sockets: Socket[] = [];
  const joinInTurn = async (): Promise<void> => {
    while (sockets.length < count) {
      const socket = connect(port, '127.0.0.1').on('error', () => undefined);
      sockets.push(socket.resume());
      await Promise.race([once(socket, 'connect'), once(socket, 'close')]);
    }
  };
  await Promise.all(Array.from({ length: 64 }, joinInTurn));
  return new Crowd(sockets);
}

class Crowd implements Disposable {
  readonly #sockets: readonly Socket[];

  constructor(sockets: readonly Socket[]) {
    this.#sockets = sockets;
  }

  get present(): number {
    return this.#sockets.filter((socket) => !socket.closed && !socket.destroyed).length;
  }

  [Symbol.dispose](): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

test('ten thousand connections that say nothing hold nobody up, and are let go', {
  timeout: 120_000,
}, async () => {
  await using daemon = await RealDaemon.start(['--dry-run']);
  const size = crowdSize(10_000);
  const before = { files: openFiles(daemon), residentMiB: residentMiB(daemon) };
  using crowd = await gather(daemon.port, size);
  expect(crowd.present).toBeGreaterThan(size * 0.9);
  const askedAt = performance.now();
  expect((await daemon.request('/api/v1/status')).status).toBe(200);
  expect(performance.now() - askedAt).toBeLessThan(2_000);
  expect(residentMiB(daemon) - before.residentMiB).toBeLessThan(150);
  await expect.poll(() => crowd.present, { timeout: 60_000, interval: 200 }).toBe(0);
  await expect.poll(() => openFiles(daemon), { timeout: 10_000 }).toBeLessThan(before.files + 10);
});

test('a crowd leaves the daemon the files that it needs itself, and is told of', async () => {
  await using daemon = await RealDaemon.start(['--dry-run', '--backends-dir', backends], { openFiles: 120 });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  // A connection that is there before the crowd; nothing of what reads policies is loaded yet.
  expect((await ask(daemon, agent, 'GET', '/healthz')).status).toBe(200);
  using crowd = await gather(daemon.port, 400);
  await expect.poll(() => crowd.present).toBe(59);
  await daemon.line(
    /Turned a connection away: 60 are open, and of 120 open files the daemon needs the rest$/,
  );
  expect(openFiles(daemon)).toBeGreaterThan(60);
  expect(await ask(daemon, agent, 'POST', '/api/v1/policies', document('among-many'))).toEqual({
    status: 201,
    text: '{"detail":"policy \'among-many\' was started"}',
  });
  crowd[Symbol.dispose]();
  await expect.poll(async () => (await daemon.apply(document('later'))).status).toBe(201);
  agent.destroy();
});

/** Over the agent's one connection. */
async function ask(
  { port }: RealDaemon,
  agent: Agent,
  method: string,
  route: string,
  body = '',
): Promise<{ readonly status: number | undefined; readonly text: string }> {
  const headers = { 'content-type': 'application/x-yaml' };
  const call = request({ host: '127.0.0.1', port, path: route, method, headers, agent });
  call.end(body);
  const [reply] = await once(call, 'response');
  let text = '';
  for await (const chunk of reply) text += String(chunk);
  return { status: reply.statusCode, text };
}
