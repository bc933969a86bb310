// Entities through isolate, frames, delivery and gRPC to the server's acknowledgement, beside the bare encode loop.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { BatchBuilder } from '../../src/entity/batch-builder.ts';
import { device, devices } from './backends/devices/index.ts';
import { BenchDaemon, type BenchRun, memoryOf } from './support/bench-daemon.ts';
import { Receiver } from './support/receiver.ts';
import { report } from './support/report.ts';
import { grouped, median, quantile, spread } from './support/statistics.ts';

const ENTITIES = 1_000_000;
const EARLY_ENTITIES = 200_000;
const AT_ONCE = 8;
const ENTITIES_AT_ONCE = 250_000;
const ROUNDS = 5;

/** The same entities, made and encoded in one process that does nothing else: how many a second. */
async function bareRate(): Promise<number> {
  const child = fork(import.meta.filename, ['bare']);
  const [rate] = await once(child, 'message');
  return Number(rate);
}

function encodeAll(count: number): number {
  const builder = new BatchBuilder({ encoding: 'diode', runId: crypto.randomUUID(), now: Date.now });
  const started = performance.now();
  for (const entity of devices(count)) builder.add(entity);
  builder.close();
  return count / ((performance.now() - started) / 1000);
}

interface Round {
  readonly seconds: number;
  readonly firstBatchMs: number;
  readonly daemonMemory: number;
  readonly childMemory: number;
}

/** `policies` runs at once, each of `entities` devices, in a daemon of their own. */
async function runRound(receiver: Receiver, policies: number, entities: number): Promise<Round> {
  await using daemon = await BenchDaemon.startFor(receiver);
  const names = Array.from({ length: policies }, (_, index) => `policy-${index}`);
  const document = names.map(
    (name) => `  ${name}: { config: { package: devices }, scope: { count: ${entities} } }`,
  );
  await daemon.apply(`policies:\n${document.join('\n')}\n`);
  const runs = await daemon.completed(policies);
  const expected = new Set(Array.from({ length: entities }, (_, i) => device(i).name));
  const arrivals = await receiver.collect(policies * entities, (name) => expected.has(name));
  const children = daemon.children().map((pid) => memoryOf(pid, 'VmHWM'));
  const [first, last] = spanOf(runs);
  return {
    seconds: (last - first) / 1000,
    firstBatchMs: arrivals.firstAt - first,
    daemonMemory: memoryOf(daemon.pid, 'VmHWM'),
    childMemory: Math.max(...children),
  };
}

/** From the start of the first run to the end of the last, which has been acknowledged then. */
function spanOf(runs: readonly BenchRun[]): [number, number] {
  return [
    Math.min(...runs.map((run) => Date.parse(run.started_at))),
    Math.max(...runs.map((run) => Date.parse(run.finished_at))),
  ];
}

async function measure(): Promise<void> {
  await using receiver = await Receiver.start();
  const bare: number[] = [];
  const whole: Round[] = [];
  const early: Round[] = [];
  const together: Round[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    bare.push(await bareRate());
    whole.push(await runRound(receiver, 1, ENTITIES));
    together.push(await runRound(receiver, AT_ONCE, ENTITIES_AT_ONCE));
    early.push(await runRound(receiver, 1, EARLY_ENTITIES));
  }
  reportAll(bare, whole, together, early);
}

function reportAll(
  bare: readonly number[],
  whole: readonly Round[],
  together: readonly Round[],
  early: readonly Round[],
): void {
  const rates = whole.map(({ seconds }) => ENTITIES / seconds);
  const share = median(rates) / median(bare);
  report({
    measure: `entities/s, one policy of ${grouped(ENTITIES)} devices, to the server's acknowledgement`,
    measured: spread(rates, '/s'),
    counterpart: `the same made and encoded in one process: ${spread(bare, '/s')}; ${share.toFixed(2)} of it`,
    goal: '0.7 of it, 100,000/s',
    isReached: share >= 0.7 && median(rates) >= 100_000,
  });
  const first = early.map(({ firstBatchMs }) => firstBatchMs);
  report({
    measure: `first batch at the server after a run of ${grouped(EARLY_ENTITIES)} starts`,
    measured: spread(first, ' ms'),
    counterpart: '',
    goal: '500 ms',
    isReached: median(first) <= 500,
  });
  const ratesTogether = together.map(({ seconds }) => (AT_ONCE * ENTITIES_AT_ONCE) / seconds);
  const times = median(ratesTogether) / median(rates);
  report({
    measure: `entities/s, ${AT_ONCE} such policies at once`,
    measured: spread(ratesTogether, '/s'),
    counterpart: `one: ${spread(rates, '/s')}; ${times.toFixed(2)} times that`,
    goal: '1.4 times on two cores',
    isReached: times >= 1.4,
  });
  const seconds = whole.map((round) => round.seconds);
  const daemon = whole.map(({ daemonMemory }) => daemonMemory);
  const child = whole.map(({ childMemory }) => childMemory);
  report({
    measure: `a run of ${grouped(ENTITIES)} entities: time; most memory of daemon, of child`,
    measured: `${spread(seconds, ' s', 1)}; ${spread(daemon, ' MB')}; ${spread(child, ' MB')}`,
    counterpart: '',
    goal: '12 s; 250 MB each',
    isReached: median(seconds) < 12 && quantile([...daemon, ...child], 1) < 250,
  });
}

if (process.argv[2] === 'bare') {
  encodeAll(100_000);
  process.send?.(encodeAll(ENTITIES));
} else {
  await measure();
}
