// Cron ticks: one policy beside a bare timer, then 1,000 and 10,000 policies due in the same second.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { BenchDaemon } from './support/bench-daemon.ts';
import { report } from './support/report.ts';
import { grouped, quantile, spread } from './support/statistics.ts';

const TICKS = 30;
const ROUNDS = 5;
const EVERY_S = 10;
const SECOND = 1_000;

/** How late each run of `policies` was entered, ms, by the second in which they were due. */
async function latenessOf(policies: number, everySeconds: number, ticks: number): Promise<number[][]> {
  const directory = mkdtempSync(path.join(tmpdir(), 'orb-worker-bench-'));
  await using daemon = await BenchDaemon.start(['--dry-run']);
  const lines = Array.from(
    { length: policies },
    (_, index) =>
      `  p${index}: { config: { package: idle, schedule: "*/${everySeconds} * * * * *" }, scope: ${directory}/entered }`,
  );
  await daemon.apply(`policies:\n${lines.join('\n')}\n`);
  // The first tick warms the children up.
  await wait((ticks + 1) * everySeconds * SECOND + 2 * SECOND);
  const skipped = await daemon.runs('&status=skipped');
  if (skipped.length > 0) throw new Error(`${skipped.length} runs were skipped: ${skipped[0]?.reason}`);
  const byTick = Map.groupBy(enteredIn(directory), (at) => Math.floor(at / (everySeconds * SECOND)));
  rmSync(directory, { recursive: true });
  const whole = [...byTick].toSorted(([a], [b]) => a - b).slice(1, 1 + ticks);
  if (whole.length < ticks) throw new Error(`${whole.length} moments of ${ticks} had runs`);
  return whole.map(([tick, moments]) => {
    if (moments.length !== policies) throw new Error(`${moments.length} runs of ${policies} were entered`);
    return moments.map((at) => at - tick * everySeconds * SECOND);
  });
}

function enteredIn(directory: string): number[] {
  return readdirSync(directory).flatMap((name) =>
    readFileSync(path.join(directory, name), 'utf8').trim().split('\n').map(Number),
  );
}

/** How late a timer fires in a process that does nothing else, ms. */
async function bareTimer(): Promise<number[]> {
  const late: number[] = [];
  for (let tick = 0; tick < TICKS; tick++) {
    const now = performance.timeOrigin + performance.now();
    const dueAt = (Math.floor(now / 250) + 1) * 250;
    await new Promise((resolve) => setTimeout(resolve, dueAt - Date.now()));
    late.push(performance.timeOrigin + performance.now() - dueAt);
  }
  return late;
}

const bare = await bareTimer();
const ticks = (await latenessOf(1, 1, TICKS)).flat();
const percentiles = (late: readonly number[]): string =>
  `p50 ${quantile(late, 0.5).toFixed(1)} ms, p99 ${quantile(late, 0.99).toFixed(1)} ms`;
report({
  measure: 'cron tick to `run` entered, warm child',
  measured: percentiles(ticks),
  counterpart: `bare timer: ${percentiles(bare)}`,
  goal: 'p50 2 ms, p99 10 ms',
  isReached: quantile(ticks, 0.5) <= 2 && quantile(ticks, 0.99) <= 10,
});
for (const policies of [1_000, 10_000]) {
  const last = (await latenessOf(policies, EVERY_S, ROUNDS)).map((late) => quantile(late, 1));
  report({
    measure: `${grouped(policies)} policies due in one second: last \`run\` entered`,
    measured: `${spread(last, ' ms')} late, none skipped`,
    counterpart: '',
    goal: '100 ms',
    isReached: quantile(last, 0.5) < 100,
  });
}
