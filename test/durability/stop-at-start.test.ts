import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { fillDirectory } from '../bench/support/full-directory.ts';
import { descendantsOf, isAlive, RealDaemon, spawnProgram } from '../support/real-daemon.ts';

const backendsDir = fileURLToPath(new URL('../bench/backends', import.meta.url));
const POLICIES = 2_000;

let home: string;
let data: string;
beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), 'orb-stopped-'));
  data = path.join(home, 'data');
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const durable = (): string[] => ['--backends-dir', backendsDir, '--data-dir', data];
const dryRun = (): string[] => ['--dry-run', '--dry-run-output-dir', path.join(home, 'out'), ...durable()];

/** Takes requests for a token, and never answers. */
async function hangingDiode(): Promise<{ server: Server; asked: Promise<unknown>; flags: string[] }> {
  const server = createServer((socket) => socket.on('error', () => {}));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const flags = ['--port', '0', '-t', `grpc://127.0.0.1:${port}`, '-c', 'id', '-k', 'secret', ...durable()];
  return { server, asked: once(server, 'connection'), flags };
}

test.each([
  { signals: ['SIGTERM'], statuses: [0] },
  // Both have come when the program looks, and it looks at them in the order of their numbers.
  { signals: ['SIGTERM', 'SIGINT'], statuses: [130, 143] },
] as const)('$signals while Diode owes a token end the start', async ({ signals, statuses }) => {
  const { server, asked, flags } = await hangingDiode();
  const child = spawnProgram(flags);
  const said = text(child.stderr);
  const [status] = await Promise.all([
    once(child, 'exit'),
    asked.then(() => {
      for (const signal of signals) child.kill(signal);
    }),
  ]).then(([exit]) => exit);
  expect(statuses).toContain(status);
  expect(await said).toContain('Stopping on SIG');
  expect(await said).not.toContain('Listening');
  server.close();
  await using next = await RealDaemon.start(dryRun());
  expect((await next.request('/readyz')).status).toBe(200);
});

test('a daemon that is told to stop while it goes on with many policies leaves nothing behind, and loses none', async () => {
  await fillDirectory(data, POLICIES, POLICIES);
  const child = spawnProgram(['--port', '0', ...dryRun()]);
  const exit = once(child, 'exit');
  await vi.waitUntil(() => readdirSync(data).some((name) => name.endsWith('-wal')), { interval: 1 });
  child.kill('SIGTERM');
  expect(await exit).toEqual([0, null]);

  const second = await RealDaemon.start(dryRun());
  const children = descendantsOf(second.process.pid ?? 0);
  const before = performance.now();
  expect(await second.stop()).toBe(0);
  expect(performance.now() - before).toBeLessThan(3_000);
  await vi.waitUntil(() => !children.some(isAlive));

  await using third = await RealDaemon.start(dryRun());
  expect(third.lines.join('\n')).toContain(`Going on with ${POLICIES} policies`);
});
