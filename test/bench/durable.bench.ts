// What it costs to keep things: daemons with a data directory beside such without.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { device } from './backends/devices/index.ts';
import { BenchDaemon, memoryOf } from './support/bench-daemon.ts';
import { fillDirectory } from './support/full-directory.ts';
import { Receiver } from './support/receiver.ts';
import { report } from './support/report.ts';
import { timeStart } from './support/start-time.ts';
import { grouped, median, quantile, spread } from './support/statistics.ts';

const ROUNDS = 5;
const ENTITIES = 500_000;
const SUBMITS = 300;
const WARM_UP = 30;
const POLICIES = 300;
const RESTARTED_RUNS = 100_000;
const RESTARTED_POLICIES = 10_000;
const SETTLE_MS = 5_000;
/** The backend `idle` tells when its runs were entered so long after the first of them. */
const TOLD_AFTER_MS = 4_000;

const DURABLE = ['--data-dir', 'data'];
const backends = fileURLToPath(new URL('backends', import.meta.url));

const now = (): number => performance.timeOrigin + performance.now();

/** Entities a second, from the run's start to its end, when all of them are acknowledged. */
async function rateOf(receiver: Receiver, flags: readonly string[]): Promise<number> {
  await using daemon = await BenchDaemon.startFor(receiver, flags);
  await daemon.apply(`policies: { many: { config: { package: devices }, scope: { count: ${ENTITIES} } } }`);
  const [run] = await daemon.completed(1);
  if (run === undefined) throw new Error('there is no run');
  const expected = new Set(Array.from({ length: ENTITIES }, (_, index) => device(index).name));
  await receiver.collect(ENTITIES, (name) => expected.has(name));
  return ENTITIES / ((Date.parse(run.finished_at) - Date.parse(run.started_at)) / 1_000);
}

/** From the moment when a run is asked for to its backend's first line, ms each. */
async function submitToStart(flags: readonly string[]): Promise<number[]> {
  const directory = mkdtempSync(path.join(tmpdir(), 'orb-worker-bench-'));
  await using daemon = await BenchDaemon.start(['--dry-run', ...flags]);
  const policy = `{ config: { package: idle, schedule: "0 0 29 2 *" }, scope: ${directory}/entered, run: { overlap: allow } }`;
  await daemon.apply(`policies: { idle: ${policy} }`);
  const asked: number[] = [];
  for (let index = 0; index < SUBMITS + WARM_UP; index++) {
    asked.push(now());
    await daemon.request('/api/v1/policies/idle/runs', 'POST');
    await wait(2);
  }
  await wait(TOLD_AFTER_MS);
  const entered = readdirSync(directory)
    .flatMap((name) => readFileSync(path.join(directory, name), 'utf8').trim().split('\n').map(Number))
    .toSorted((a, b) => a - b);
  rmSync(directory, { recursive: true });
  if (entered.length !== asked.length)
    throw new Error(`${entered.length} runs of ${asked.length} were entered`);
  return entered.map((at, index) => at - (asked[index] ?? Number.NaN)).slice(WARM_UP);
}

/** Policies a second, each in a request of its own. */
async function applyRate(flags: readonly string[]): Promise<number> {
  await using daemon = await BenchDaemon.start(['--dry-run', ...flags]);
  const apply = (index: number): Promise<string> =>
    daemon.apply(
      `policies: { policy-${index}: { config: { package: idle, schedule: "0 0 29 2 *" }, scope: null } }`,
    );
  for (let index = 0; index < WARM_UP; index++) await apply(index);
  const started = now();
  for (let index = 0; index < POLICIES; index++) await apply(WARM_UP + index);
  return POLICIES / ((now() - started) / 1_000);
}

async function memoryAtRest(flags: readonly string[]): Promise<number> {
  await using daemon = await BenchDaemon.start(['--dry-run', ...flags]);
  await wait(SETTLE_MS);
  return daemon.treeMemory();
}

async function measureWork(): Promise<void> {
  await using receiver = await Receiver.start();
  const durable: number[] = [];
  const volatile: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    volatile.push(await rateOf(receiver, []));
    durable.push(await rateOf(receiver, DURABLE));
  }
  const share = median(durable) / median(volatile);
  report({
    measure: `entities/s with a data directory, one policy of ${grouped(ENTITIES)} devices`,
    measured: spread(durable, '/s'),
    counterpart: `without: ${spread(volatile, '/s')}; ${share.toFixed(2)} of it`,
    goal: '0.5 of it',
    isReached: share >= 0.5,
  });
}

async function measureSubmits(): Promise<void> {
  const durable: number[] = [];
  const volatile: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    volatile.push(...(await submitToStart([])));
    durable.push(...(await submitToStart(DURABLE)));
  }
  const percentiles = (samples: readonly number[]): string =>
    `p50 ${quantile(samples, 0.5).toFixed(1)} ms, p99 ${quantile(samples, 0.99).toFixed(1)} ms`;
  report({
    measure: 'a run is asked for to `run` entered, with a data directory, warm child',
    measured: percentiles(durable),
    counterpart: `without: ${percentiles(volatile)}`,
    goal: 'p50 5 ms',
    isReached: median(durable) <= 5,
  });
}

async function measureApplying(): Promise<void> {
  const durable: number[] = [];
  const volatile: number[] = [];
  const resting: number[] = [];
  const volatileResting: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    volatile.push(await applyRate([]));
    durable.push(await applyRate(DURABLE));
    volatileResting.push(await memoryAtRest([]));
    resting.push(await memoryAtRest(DURABLE));
  }
  report({
    measure: 'policies/s applied one by one with a data directory, each synced',
    measured: spread(durable, '/s'),
    counterpart: `without: ${spread(volatile, '/s')}`,
    goal: '100/s',
    isReached: median(durable) >= 100,
  });
  report({
    measure: 'memory at rest with a data directory, whole tree',
    measured: spread(resting, ' MB'),
    counterpart: `without: ${spread(volatileResting, ' MB')}`,
    goal: '20 MB more',
    isReached: median(resting) - median(volatileResting) <= 20,
  });
}

async function measureRestart(): Promise<void> {
  const directory = mkdtempSync(path.join(tmpdir(), 'orb-worker-bench-'));
  const flagsFor = (name: string): string[] => [
    ...['--dry-run', '--backends-dir', backends],
    ...['--data-dir', path.join(directory, name)],
  ];
  const memoryLater = async (pid: number): Promise<number> => {
    await wait(SETTLE_MS);
    return memoryOf(pid);
  };
  await fillDirectory(path.join(directory, 'full'), RESTARTED_POLICIES, RESTARTED_RUNS);
  const full: number[] = [];
  const empty: number[] = [];
  const memory: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    empty.push((await timeStart(flagsFor('empty'))).tookMs);
    const { tookMs, seen } = await timeStart(flagsFor('full'), memoryLater);
    full.push(tookMs);
    memory.push(seen);
  }
  rmSync(directory, { recursive: true });
  const size = `${grouped(RESTARTED_RUNS)} runs and ${grouped(RESTARTED_POLICIES)} policies`;
  report({
    measure: `restart with ${size}: exec to the first 200 of \`/readyz\`; the daemon's memory ${SETTLE_MS / 1_000} s later`,
    measured: `${spread(full, ' ms')}; ${spread(memory, ' MB')}`,
    counterpart: `with nothing: ${spread(empty, ' ms')}`,
    goal: '2 s',
    isReached: median(full) <= 2_000,
  });
}

await measureRestart();
await measureSubmits();
await measureApplying();
await measureWork();
