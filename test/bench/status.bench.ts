// GET /api/v1/status beside a bare Fastify route with the same body: node test/bench/status.bench.ts
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { fastify } from 'fastify';
import { viewOf } from '../api/names-registry.ts';
import { finish, openedRun } from '../api/runs.ts';
import { TestApi } from '../api/support.ts';
import { report } from './support/report.ts';
import { grouped, median, quantile, spread } from './support/statistics.ts';

const ROUNDS = 5;
const ROUND_MS = 400;
const RUNS_EACH = 5;

interface Scenario {
  readonly policies: number;
  readonly connections: number;
  /** A run ends between two requests, so that the text of the request before cannot be sent again. */
  readonly changing: boolean;
}

interface Ports {
  readonly status: number;
  readonly bare: number;
}

interface Round {
  readonly perSecond: number;
  /** CPU of the server's process, µs: it hardly changes with what else the machine does. */
  readonly cpuEach: number;
  /** How long each answer took, ms. */
  readonly times: readonly number[];
}

/** Both servers in a process of their own, so that the client takes none of their time. */
async function serve({ policies, changing }: Scenario): Promise<Ports> {
  const api = await TestApi.start();
  for (let index = 0; index < policies; index += 1) {
    const name = `policy-${index}`;
    api.registry.views.set(name, viewOf(name));
    for (let run = 0; run < RUNS_EACH; run += 1) addRun(api, name);
  }
  const { text } = await api.get('/api/v1/status');
  const bare = fastify();
  bare.get('/api/v1/status', (_request, reply) => {
    reply.header('content-type', 'application/json; charset=utf-8').send(text);
  });
  const url = new URL(await bare.listen({ port: 0, host: '127.0.0.1' }));
  if (changing) api.events.on('api:answered', () => addRun(api, 'policy-0'));
  process.on('message', () => process.send?.(process.cpuUsage()));
  return { status: api.port, bare: Number(url.port) };
}

function addRun(api: TestApi, policy: string): void {
  const run = openedRun(policy);
  api.events.emit('run:opened', { run });
  finish(api.events, run, 'completed');
}

/** Asks again and again over connections that stay open. */
async function load(server: ChildProcess, port: number, connections: number): Promise<Round> {
  const times: number[] = [];
  const before = await cpuOf(server);
  const until = performance.now() + ROUND_MS;
  await Promise.all(Array.from({ length: connections }, () => ask(port, until, times)));
  const cpu = (await cpuOf(server)) - before;
  return { perSecond: (times.length * 1000) / ROUND_MS, cpuEach: cpu / times.length, times };
}

async function cpuOf(server: ChildProcess): Promise<number> {
  server.send('cpu');
  const [{ user, system }] = (await once(server, 'message')) as [NodeJS.CpuUsage];
  return user + system;
}

async function ask(port: number, until: number, times: number[]): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  while (performance.now() < until) {
    const started = performance.now();
    socket.write('GET /api/v1/status HTTP/1.1\r\nHost: bench\r\n\r\n');
    await answerOf(socket);
    times.push(performance.now() - started);
  }
  socket.destroy();
}

/** Reads one answer to its end. */
function answerOf(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    let missing: number | undefined;
    const read = (chunk: Buffer): void => {
      missing ??= lengthOf(chunk);
      missing -= chunk.length;
      if (missing > 0) return;
      socket.off('data', read);
      resolve();
    };
    socket.on('data', read);
  });
}

/** Of the whole answer, its head included, which comes in one piece. */
function lengthOf(firstChunk: Buffer): number {
  const headEnd = firstChunk.indexOf('\r\n\r\n') + 4;
  const head = firstChunk.toString('latin1', 0, headEnd);
  return headEnd + Number(/content-length: (\d+)/i.exec(head)?.[1]);
}

async function compare(scenario: Scenario): Promise<void> {
  const { connections } = scenario;
  const server = fork(import.meta.filename, [JSON.stringify(scenario)]);
  const [ports] = (await once(server, 'message')) as [Ports];
  const status: Round[] = [];
  const bare: Round[] = [];
  for (let warmUp = 0; warmUp < 2; warmUp += 1) {
    for (const port of [ports.status, ports.bare]) await load(server, port, connections);
  }
  for (let round = 0; round < ROUNDS; round += 1) {
    bare.push(await load(server, ports.bare, connections));
    status.push(await load(server, ports.status, connections));
  }
  server.kill();
  reportRow(scenario, status, bare);
}

function reportRow({ policies, changing }: Scenario, status: readonly Round[], bare: readonly Round[]): void {
  const share = median(status.map(perSecond)) / median(bare.map(perSecond));
  const byCpu = median(bare.map(cpuEach)) / median(status.map(cpuEach));
  const p99 = quantile(
    status.flatMap(({ times }) => times),
    0.99,
  );
  report({
    measure: `\`GET /api/v1/status\`, ${grouped(policies)} policies${changing ? ', a run ends before each' : ''}`,
    measured: `${spread(status.map(perSecond), '/s')}, p99 ${p99.toFixed(1)} ms`,
    counterpart: `bare Fastify route: ${spread(bare.map(perSecond), '/s')}; ${share.toFixed(2)} of it, by CPU time ${byCpu.toFixed(2)}`,
    goal: '0.85; p99 20 ms',
    isReached: Math.max(share, byCpu) >= 0.85 && p99 <= 20,
  });
}

const perSecond = (round: Round): number => round.perSecond;
const cpuEach = (round: Round): number => round.cpuEach;

const [role] = process.argv.slice(2);
if (role === undefined) {
  await compare({ policies: 10, connections: 4, changing: false });
  await compare({ policies: 1_000, connections: 1, changing: false });
  await compare({ policies: 1_000, connections: 1, changing: true });
} else {
  process.send?.(await serve(JSON.parse(role) as Scenario));
}
