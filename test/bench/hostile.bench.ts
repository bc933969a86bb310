// GET /api/v1/status while hostile backends do their worst, four at a time.
import { readdirSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { backends, Stage } from '../hostile/stage.ts';
import { report } from './support/report.ts';
import { quantile } from './support/statistics.ts';

const REST_MS = 3_000;
const AT_ONCE = 4;
/** These are not even accepted. */
const REFUSED = 'import-';

async function answerTimes(stage: Stage, work: () => Promise<unknown>): Promise<readonly number[]> {
  stage.answerTimes.length = 0;
  await work();
  return stage.answerTimes.slice();
}

const p99 = (times: readonly number[]): string => `p99 ${quantile(times, 0.99).toFixed(1)} ms`;

await using stage = await Stage.open(['--run-timeout', '3s']);
const atRest = await answerTimes(stage, () => wait(REST_MS));
const names = readdirSync(backends).filter((name) => !name.startsWith(REFUSED));
const besideThem = await answerTimes(stage, async () => {
  for (let at = 0; at < names.length; at += AT_ONCE) {
    const some = names.slice(at, at + AT_ONCE);
    await Promise.all(some.map((name) => stage.apply({ [name]: { package: name } })));
    await Promise.all(some.map((name) => stage.ended(name)));
    await Promise.all(some.map((name) => stage.daemon.delete(name)));
  }
});
report({
  measure: `\`GET /api/v1/status\` on a new connection while ${names.length} hostile backends are at work, ${AT_ONCE} at a time`,
  measured: p99(besideThem),
  counterpart: `at rest: ${p99(atRest)}`,
  goal: 'p99 50 ms',
  isReached: quantile(besideThem, 0.99) <= 50,
});
