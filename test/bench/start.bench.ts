// From exec to the first 200 of /readyz, beside a bare node.
import { spawnSync } from 'node:child_process';
import { report } from './support/report.ts';
import { timeStart } from './support/start-time.ts';
import { median, spread } from './support/statistics.ts';

const ROUNDS = 11;
const GOAL_MS = 250;

async function daemonStart(): Promise<number> {
  return (await timeStart(['--dry-run'])).tookMs;
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
