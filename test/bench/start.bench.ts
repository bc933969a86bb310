// From exec to the first 200 of /readyz, beside a bare node.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { get } from 'node:http';
import { createServer } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { program } from './support/bench-daemon.ts';
import { report } from './support/report.ts';
import { median, spread } from './support/statistics.ts';

const ROUNDS = 11;
const GOAL_MS = 250;

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

async function daemonStart(): Promise<number> {
  const port = await freePort();
  const started = performance.now();
  const daemon = spawn(process.execPath, [program, '--dry-run', '--port', String(port)], { stdio: 'ignore' });
  while (!(await isReady(port))) await wait(1);
  const tookMs = performance.now() - started;
  daemon.kill();
  await once(daemon, 'exit');
  return tookMs;
}

function bareStart(): number {
  const started = performance.now();
  spawnSync(process.execPath, ['-e', '0']);
  return performance.now() - started;
}

const ours: number[] = [];
const bare: number[] = [];
await daemonStart();
for (let round = 0; round < ROUNDS; round++) {
  bare.push(bareStart());
  ours.push(await daemonStart());
}
report({
  measure: 'exec to the first 200 of `/readyz`',
  measured: spread(ours, ' ms'),
  counterpart: `\`node -e 0\`: ${spread(bare, ' ms')}`,
  goal: `within ${GOAL_MS} ms of it`,
  isReached: median(ours) - median(bare) <= GOAL_MS,
});
