import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
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

/** The program, which does not outlive its test. */
function spawnFor(flags: readonly string[]): ReturnType<typeof spawnProgram> {
  const child = spawnProgram(flags);
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return child;
}

/** Whether a thread of it waits for the other end of a named pipe. Node 22 gives no names to its threads. */
function waitsForPipe(pid: number): boolean {
  const tasks = `/proc/${pid}/task`;
  return readdirSync(tasks).some((id) => {
    const task = path.join(tasks, id);
    return told(task, 'comm') === 'state' || told(task, 'wchan') === 'wait_for_partner';
  });
}

/** Nothing of a thread that has ended meanwhile. */
function told(task: string, file: string): string {
  try {
    return readFileSync(path.join(task, file), 'utf8').trim();
  } catch {
    return '';
  }
}

test.each([
  { signals: ['SIGTERM'], ends: [[0, null]] },
  // Both have come when the program looks, and it looks at them in the order of their numbers.
  {
    signals: ['SIGTERM', 'SIGINT'],
    ends: [
      [null, 'SIGTERM'],
      [null, 'SIGINT'],
    ],
  },
] as const)('$signals while Diode owes a token end the start', async ({ signals, ends }) => {
  const { server, asked, flags } = await hangingDiode();
  const child = spawnFor(flags);
  const said = text(child.stderr);
  const [end] = await Promise.all([
    once(child, 'exit'),
    asked.then(() => {
      for (const signal of signals) child.kill(signal);
    }),
  ]);
  expect(ends).toContainEqual(end);
  expect(await said).toContain('Stopping on SIG');
  expect(await said).not.toContain('Listening');
  server.close();
  await using next = await RealDaemon.start(dryRun());
  expect((await next.request('/readyz')).status).toBe(200);
});

test('a disk that never answers holds no start up for longer than until the second signal', async () => {
  mkdirSync(data, { mode: 0o700 });
  // Opening it waits for somebody who reads: as deaf as a network file system whose server is gone.
  execFileSync('mkfifo', [path.join(data, 'lock')]);
  const child = spawnFor(['--port', '0', ...dryRun()]);
  const exit = once(child, 'exit');
  let said = '';
  child.stderr.on('data', (chunk) => {
    said += chunk;
  });
  await vi.waitUntil(() => waitsForPipe(child.pid ?? 0), { timeout: 15_000 });
  child.kill('SIGTERM');
  await vi.waitUntil(() => said === 'INFO: worker: Stopping on SIGTERM\n', { timeout: 15_000 });
  child.kill('SIGTERM');
  expect(await exit).toEqual([null, 'SIGTERM']);
});

test('a daemon that is told to stop while it goes on with many policies leaves nothing behind, and loses none', async () => {
  await fillDirectory(data, POLICIES, POLICIES);
  const child = spawnFor(['--port', '0', ...dryRun()]);
  const exit = once(child, 'exit');
  await vi.waitUntil(() => readdirSync(data).some((name) => name.endsWith('-wal')), {
    timeout: 15_000,
    interval: 1,
  });
  child.kill('SIGTERM');
  expect(await exit).toEqual([0, null]);

  await using second = await RealDaemon.start(dryRun());
  const children = descendantsOf(second.process.pid ?? 0);
  const before = performance.now();
  expect(await second.stop()).toBe(0);
  expect(performance.now() - before).toBeLessThan(3_000);
  await vi.waitUntil(() => !children.some(isAlive), { timeout: 15_000 });

  await using third = await RealDaemon.start(dryRun());
  expect(third.lines.join('\n')).toContain(`Going on with ${POLICIES} policies`);
});
