// GET /api/v1/status while every hostile backend does its worst, all at once.
import { readdirSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { backends, Stage } from '../hostile/stage.ts';
import { report } from './support/report.ts';
import { quantile } from './support/statistics.ts';

const REST_MS = 3_000;
/** These are not even accepted. */
const REFUSED = 'import-';

async function answerTimes(stage: Stage, work: () => Promise<unknown>): Promise<readonly number[]> {
  stage.answerTimes.length = 0;
  await work();
  return stage.answerTimes.slice();
}

const p99 = (times: readonly number[]): string => `p99 ${quantile(times, 0.99).toFixed(1)} ms`;

await using stage = await Stage.open(['--run-timeout', '5s']);
const atRest = await answerTimes(stage, () => wait(REST_MS));
const names = readdirSync(backends).filter((name) => !name.startsWith(REFUSED));
const besideThem = await answerTimes(stage, async () => {
  await Promise.all(names.map((name) => stage.apply({ [name]: { package: name } })));
  await Promise.all(names.map((name) => stage.ended(name)));
});
report({
  measure: `\`GET /api/v1/status\` on a new connection while ${names.length} hostile backends are at work at once`,
  measured: p99(besideThem),
  counterpart: `at rest: ${p99(atRest)}`,
  goal: 'p99 50 ms',
  isReached: quantile(besideThem, 0.99) <= 50,
});
