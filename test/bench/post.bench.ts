// How long a POST takes: one policy of a known package, and 500 in one request.
import { BenchDaemon } from './support/bench-daemon.ts';
import { report } from './support/report.ts';
import { median, quantile, spread } from './support/statistics.ts';

const SINGLES = 400;
const WARM_UP = 50;
const ROUNDS = 5;
const IN_ONE = 500;

const policy = (name: string): string =>
  `  ${name}:\n    config: { package: idle, schedule: "0 3 * * *", site: Lab }\n    scope: { hosts: [192.0.2.1, 192.0.2.2] }\n`;

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

await using daemon = await BenchDaemon.start(['--dry-run']);
const single: number[] = [];
for (let index = 0; index < SINGLES + WARM_UP; index++) {
  const took = await timed(() => daemon.apply(`policies:\n${policy(`single-${index}`)}`));
  if (index >= WARM_UP) single.push(took);
}
const p50 = quantile(single, 0.5);
const p99 = quantile(single, 0.99);
report({
  measure: 'POST of one policy, package known',
  measured: `p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`,
  counterpart: '',
  goal: 'p50 2 ms, p99 20 ms',
  isReached: p50 <= 2 && p99 <= 20,
});

const many: number[] = [];
for (let round = 0; round < ROUNDS; round++) {
  const names = Array.from({ length: IN_ONE }, (_, index) => `many-${round}-${index}`);
  many.push(await timed(() => daemon.apply(`policies:\n${names.map(policy).join('')}`)));
}
const { policies } = JSON.parse(await daemon.request('/api/v1/status'));
if (policies.length !== SINGLES + WARM_UP + ROUNDS * IN_ONE) throw new Error('a policy is missing');
report({
  measure: `POST of ${IN_ONE} policies in one request`,
  measured: spread(many, ' ms'),
  counterpart: '',
  goal: '100 ms',
  isReached: median(many) <= 100,
});
