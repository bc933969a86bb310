// Memory and idle CPU: no policy, each 1,000 scheduled ones more, 100,000 of them.
import { setTimeout as wait } from 'node:timers/promises';
import { BenchDaemon, cpuOf, memoryOf } from './support/bench-daemon.ts';
import { report } from './support/report.ts';
import { grouped, median, spread } from './support/statistics.ts';

const ROUNDS = 5;
/** V8 needs up to ten seconds to give back what a burst has left. */
const SETTLE_MS = 15_000;
const IDLE_MS = 20_000;
const THOUSAND = 1_000;
const MANY = 100_000;
const IN_ONE = 500;

/** Policies of different minutes and names, as a fleet's are. */
function documentOf(first: number, count: number): string {
  const lines = Array.from({ length: count }, (_, index) => {
    const number = first + index;
    const schedule = `${number % 60} ${(number * 7) % 24} 1 1 *`;
    return `  policy-${number}:\n    config: { package: idle, schedule: "${schedule}", site: site-${number % 40} }\n    scope: { hosts: [192.0.2.1, 192.0.2.2] }\n`;
  });
  return `policies:\n${lines.join('')}`;
}

async function applyMany(daemon: BenchDaemon, from: number, to: number): Promise<void> {
  for (let first = from; first < to; first += IN_ONE) await daemon.apply(documentOf(first, IN_ONE));
}

const idle: number[] = [];
const more: number[] = [];
for (let round = 0; round < ROUNDS; round++) {
  await using daemon = await BenchDaemon.start(['--dry-run']);
  await wait(SETTLE_MS);
  idle.push(daemon.treeMemory());
  await applyMany(daemon, 0, THOUSAND);
  await wait(SETTLE_MS);
  const before = memoryOf(daemon.pid);
  await applyMany(daemon, THOUSAND, 11 * THOUSAND);
  await wait(SETTLE_MS);
  more.push((memoryOf(daemon.pid) - before) / 10);
}
report({
  measure: 'memory at rest, whole tree; each 1,000 scheduled policies more',
  measured: `${spread(idle, ' MB')}; ${spread(more, ' MB', 1)}`,
  counterpart: '',
  goal: '110 MB; 2 MB',
  isReached: median(idle) <= 110 && median(more) <= 2,
});

const memory: number[] = [];
const core: number[] = [];
const seconds: number[] = [];
for (let round = 0; round < ROUNDS; round++) {
  await using daemon = await BenchDaemon.start(['--dry-run']);
  const started = performance.now();
  await applyMany(daemon, 0, MANY);
  seconds.push((performance.now() - started) / 1000);
  await wait(SETTLE_MS);
  const cpuBefore = cpuOf(daemon.pid);
  await wait(IDLE_MS);
  core.push(((cpuOf(daemon.pid) - cpuBefore) / (IDLE_MS / 1000)) * 100);
  memory.push(memoryOf(daemon.pid));
}
report({
  measure: `${grouped(MANY)} scheduled policies: memory; a core at rest; time to apply`,
  measured: `${spread(memory, ' MB')}; ${spread(core, ' %', 1)}; ${spread(seconds, ' s')}`,
  counterpart: '',
  goal: '300 MB; 2 %; 60 s',
  isReached: median(memory) <= 300 && median(core) <= 2 && median(seconds) < 60,
});
