// GET /api/v1/status while backends spin on every core.
import { availableParallelism } from 'node:os';
import { BenchDaemon } from './support/bench-daemon.ts';
import { report } from './support/report.ts';
import { quantile } from './support/statistics.ts';

const REQUESTS = 1_000;

async function answerTimes(daemon: BenchDaemon): Promise<number[]> {
  const times: number[] = [];
  for (let index = 0; index < REQUESTS; index++) {
    const started = performance.now();
    await daemon.request('/api/v1/status');
    times.push(performance.now() - started);
  }
  return times;
}

async function whileSpinning(backends: number): Promise<number[]> {
  await using daemon = await BenchDaemon.start(['--dry-run']);
  const lines = Array.from(
    { length: backends },
    (_, index) => `  s${index}: { config: { package: spin }, scope: }\n`,
  );
  if (backends > 0) await daemon.apply(`policies:\n${lines.join('')}`);
  // One that spins holds its child; the next gets another, as far as the pool lets it grow.
  while ((await daemon.runs('&status=running')).length < Math.min(backends, availableParallelism()));
  return await answerTimes(daemon);
}

const p99 = (times: readonly number[]): string => `p99 ${quantile(times, 0.99).toFixed(1)} ms`;
const idle = await whileSpinning(0);
for (const backends of [1, 4]) {
  const times = await whileSpinning(backends);
  report({
    measure: `\`GET /api/v1/status\` while ${backends} ${backends === 1 ? 'policy spins' : 'policies spin'} on ${availableParallelism()} cores`,
    measured: p99(times),
    counterpart: `at rest: ${p99(idle)}`,
    goal: 'p99 50 ms',
    isReached: quantile(times, 0.99) <= 50,
  });
}
