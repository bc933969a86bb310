import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { quantile } from '../bench/support/statistics.ts';
import { type ShownRun, Stage } from './stage.ts';

/** Packages whose runs only the clock ends. */
const endless = ['spins', 'stops-itself', 'ignores-all', 'never-ends', 'fills-directory', 'writes-much'];

/** What becomes of a run that does its worst, by its package. */
const failing: readonly (readonly [string, RegExp])[] = [
  ...endless.map((name) => [name, /^timed out after 2s$/] as const),
  ['eats-heap', /^out of memory \(limit 192 MiB\)$/],
  ['eats-buffers', /^out of memory \(limit 448 MiB, of which its heap 192 MiB\)$/],
  ['eats-native', /^out of memory \(limit 448 MiB, of which its heap 192 MiB\)$/],
  ['exits', /^exited with status 3$/],
  ['aborts', /^killed by SIGABRT$/],
  ['kills-itself', /^killed by SIGKILL$/],
  ['rejects', /^threw outside its run: nobody listens$/],
  ['yields-rubbish', /^entity 0.*rubbish/],
  ['yields-much', /^entity 0: expected at most 16777216 bytes/],
  ['closes-all', /^closed its channel$/],
  ['fills-disk', /^ENOSPC: no space left on device, write$/],
  ['writes-frames', /^broke the rules of its channel: a message about a run that it does not have$/],
];

/** These are up to no good and yet come to their end; what they leave is told in the log, if anything. */
const completing: readonly (readonly [string, RegExp | undefined])[] = [
  ['throws-later', /A run that was over threw outside its run: boo from the past/],
  ['logs-much', undefined],
  ['logs-long', undefined],
  ['forks', /takes no more runs, because its runs left at work: processes/],
  ['pollutes', /its runs changed Object\.prototype, Array\.prototype, JSON/],
  ['moves', /its runs changed the environment, the working directory, the umask/],
  ['ticks', /its runs left at work: Timeout/],
  ['leaves-open', /its runs left at work: .*TCPServerWrap/],
];

const ENTITIES = 20;
const good = { entities: ENTITIES, everyMs: 25 };
const all = Array.from({ length: ENTITIES }, (_, index) => index);

const packages = [...failing, ...completing].map(([name]) => name);

let stage: Stage;
let belongings: ReturnType<Stage['belongings']>;

beforeAll(async () => {
  stage = await Stage.open(['--backend-memory', '192', '--log-format', 'text']);
  await stage.apply({ steady: { package: 'well', scope: good, schedule: '* * * * * *' } });
  await stage.apply({ first: { package: 'well', scope: good } });
  await stage.ended('first');
  belongings = stage.belongings();
  const answers = await Promise.all(
    packages.map((name) =>
      stage.apply({
        [name]: {
          package: name,
          scope: { besideAnother: true },
          ...(endless.includes(name) ? { timeout: '2s' } : {}),
        },
        [`beside-${name}`]: { package: name, scope: good },
      }),
    ),
  );
  for (const { status, text } of answers) expect([status, text]).toEqual([201, expect.any(String)]);
}, 60_000);

afterAll(() => stage[Symbol.asyncDispose]());

/** Whatever happened beside it, a policy's work was done once. */
function expectDone(runs: readonly ShownRun[]): void {
  const last = runs.at(-1);
  expect(runs.length).toBeLessThanOrEqual(2);
  expect(last).toMatchObject({ status: 'completed', entity_count: ENTITIES });
  if (runs.length === 2) expect(last?.retry_of).toBe(runs[0]?.id);
  const delivered = runs.map((run) => stage.delivered(run).toSorted((a, b) => a - b));
  expect(delivered.at(-1)).toEqual(all);
  if (runs.length === 2) expect(delivered[0]).toEqual([]);
}

describe('a hostile run', () => {
  test.each(failing)(
    'of %s fails and says why, and its neighbour does its work',
    async (name, reason) => {
      const [run, ...others] = await stage.ended(name);
      for (const one of [run, ...others]) {
        expect(one).toMatchObject({ status: 'failed', reason: expect.stringMatching(reason) });
      }
      expect(others.map(({ retry_of }) => retry_of)).toEqual(others.map(() => run?.id));
      expect(others.length).toBeLessThanOrEqual(1);
      expectDone(await stage.ended(`beside-${name}`));
    },
    60_000,
  );

  test.each(completing)(
    'of %s ends, and its neighbour does its work',
    async (name, line) => {
      expect(await stage.ended(name)).toMatchObject([{ status: 'completed', reason: '' }]);
      expectDone(await stage.ended(`beside-${name}`));
      if (line !== undefined) await stage.daemon.line(line);
    },
    60_000,
  );
});

test.each([
  ['import-hangs', /its import took longer than 10 s/],
  ['import-throws', /not today/],
])('a package of which the %s is refused', async (name, reason) => {
  const answer = await stage.apply({ [name]: { package: name } });
  expect(answer.status).toBe(400);
  expect(answer.text).toMatch(reason);
});

test('what spins when its run is over costs nobody a run: its next one begins elsewhere', async () => {
  await stage.apply({ past: { package: 'spins-later' } });
  expect(await stage.ended('past')).toMatchObject([{ status: 'completed' }]);
  await stage.apply({ next: { package: 'spins-later', scope: good } });
  expect(await stage.ended('next')).toHaveLength(1);
  expectDone(await stage.ended('next'));
}, 60_000);

test('those who are in no such company notice nothing of all this', async () => {
  const runs = (await stage.runs('steady')).filter(({ status }) => status !== 'running');
  const done = runs.filter(({ status }) => status !== 'skipped');
  expect(done.length).toBeGreaterThan(3);
  for (const run of done) {
    expect(run).toMatchObject({ status: 'completed', entity_count: ENTITIES });
    expect(stage.delivered(run)).toEqual(all);
  }
});

test('the API answers all the while', () => {
  stage.stopProbing();
  expect(stage.answerTimes.length).toBeGreaterThan(100);
  // What it takes on a machine of its own is measured in test/bench; here others may be at work.
  expect(quantile(stage.answerTimes, 0.99)).toBeLessThan(1_000);
});

test('no process, thread, file or socket is left', async () => {
  const answers = await Promise.all(
    packages.flatMap((name) => [stage.daemon.delete(name), stage.daemon.delete(`beside-${name}`)]),
  );
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  for (const name of ['steady', 'first', 'past', 'next']) await stage.daemon.delete(name);
  await expect.poll(() => stage.processes(), { timeout: 10_000 }).toEqual([]);
  await expect
    .poll(() => stage.belongings().descriptors, { timeout: 10_000 })
    .toBeLessThanOrEqual(belongings.descriptors);
  expect(stage.belongings().threads).toBeLessThanOrEqual(belongings.threads);
}, 30_000);
