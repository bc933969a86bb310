import fc from 'fast-check';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import type { Run, RunStatus } from '../../src/run/run.ts';
import type { ArchiveQuery } from '../../src/run/run-archive.ts';
import { readRun } from '../../src/state/stored.ts';
import { runOf } from '../support/runs.ts';
import { open, QUICK, temporaryDirectory } from './support.ts';

const EVERYTHING: ArchiveQuery = { policy: undefined, status: undefined, limit: 1_000, before: undefined };

test('the latest state of a run is kept, as it was when it was taken down', async () => {
  const state = await open(temporaryDirectory());
  const run = runOf(1);
  state.runs.record(run);
  run.status = 'running';
  state.runs.record(run);
  run.reason = 'not taken down';
  expect(await state.runs.get(run.id)).toEqual({ ...run, reason: '' });
  run.status = 'failed';
  state.runs.record(run);
  expect(await state.runs.get(run.id)).toEqual(run);
  expect(await state.runs.get('no such run')).toBeUndefined();
});

test('runs are listed newest first, by policy, state and sequence', async () => {
  const state = await open(temporaryDirectory(QUICK));
  const statuses: RunStatus[] = ['completed', 'failed', 'running'];
  const runs = Array.from({ length: 12 }, (_, index) =>
    runOf(index + 1, { policy: `p${index % 2}`, status: statuses[index % 3] ?? 'lost' }),
  );
  for (const run of runs) state.runs.record(run);
  const all: fc.Arbitrary<ArchiveQuery> = fc.record({
    policy: fc.constantFrom(undefined, 'p0', 'p1', 'none'),
    status: fc.constantFrom(undefined, ...statuses),
    limit: fc.integer({ min: 1, max: 13 }),
    before: fc.option(fc.integer({ min: 0, max: 14 }), { nil: undefined }),
  });
  await fc.assert(
    fc.asyncProperty(all, async (query) => {
      const { policy, status, limit, before = 100 } = query;
      const expected = runs
        .filter((run) => run.sequence < before)
        .filter((run) => policy === undefined || run.policy === policy)
        .filter((run) => status === undefined || run.status === status);
      expect(await state.runs.list(query)).toEqual(expected.reverse().slice(0, limit));
    }),
  );
});

test('what an earlier life left unfinished is found until it is taken down again', async () => {
  const directory = temporaryDirectory();
  const first = await open(directory);
  const runs = (['pending', 'running', 'delivering', 'completed', 'lost', 'skipped'] as const).map(
    (status, index) => runOf(index + 1, { status }),
  );
  for (const run of runs) first.runs.record(run);
  expect(await first.runs.unfinished()).toEqual([]);
  await first.close();

  const second = await open(directory);
  expect(await second.runs.unfinished()).toEqual(runs.slice(0, 3));
  const [pending, running, delivering] = runs;
  if (!pending || !running || !delivering) throw new Error('runs are missing');
  second.runs.record({ ...pending, status: 'lost' });
  second.runs.record(delivering);
  expect(await second.runs.unfinished()).toEqual([running]);
  await second.close();
  expect(await (await open(directory)).runs.unfinished()).toEqual([running, delivering]);
});

test('the last lines of a run are kept, and how many came before them', async () => {
  const directory = temporaryDirectory();
  const first = await open(directory);
  const [talker, shouter] = [runOf(1), runOf(2)];
  first.runs.record(talker);
  first.runs.record(shouter);
  for (let at = 0; at < 3_000; at++) first.runs.addLine(talker.id, { at, level: 'info', message: `${at}` });
  for (let at = 0; at < 100; at++) {
    first.runs.addLine(shouter.id, { at, level: 'info', message: 'x'.repeat(10_000) });
  }
  first.runs.addLine('no such run', { at: 1, level: 'info', message: 'lost' });
  await first.close();

  const second = await open(directory);
  second.runs.addLine(talker.id, { at: 3_000, level: 'error', message: 'after the restart' });
  const log = await second.runs.log(talker.id);
  expect(log.lines).toHaveLength(1_000);
  expect(log.lines.at(-1)).toEqual({ at: 3_000, level: 'error', message: 'after the restart' });
  expect(log.lines[0]?.message).toBe('2001');
  expect(log.dropped).toBe(2_001);
  const shouted = await second.runs.log(shouter.id);
  expect(shouted.lines).toHaveLength(6);
  expect(shouted.dropped).toBe(94);
  expect(await second.runs.log('no such run')).toEqual({ lines: [], dropped: 0 });
});

test('a run that cannot be written takes no other along', async () => {
  const log: string[] = [];
  const destination = { write: (line: string) => void log.push(JSON.parse(line).msg) };
  const state = await open(temporaryDirectory(), { log: pino({}, destination) });
  const [bad, good] = [runOf(1, { createdAt: 0.5 }), runOf(2)];
  state.runs.record(bad);
  state.runs.record(good);
  expect(await state.runs.get(good.id)).toEqual(good);
  expect(await state.runs.get(bad.id)).toBeUndefined();
  expect(log).toEqual([expect.stringMatching(/^A part of history was not written: .*created_at/)]);
});

test('a run of a program that did not note what began it is taken for one that its policy is owed', () => {
  const { origin: _, ...earlier } = runOf(1, { trigger: 'retry' });
  expect(readRun(JSON.stringify(earlier))).toEqual({ ...earlier, origin: 'retry' });
});

const text = fc.string({ unit: 'binary' });
const count = fc.maxSafeNat();
const changes: fc.Arbitrary<Partial<Run>> = fc.record({
  policy: text,
  reason: text,
  retryOf: fc.option(text, { nil: undefined }),
  backend: fc.record({ package: text, version: text, name: text, appName: text, appVersion: text }),
  entityCount: count,
  bytes: count,
  progress: fc.option(
    fc.record({
      done: fc.double({ noNaN: true, noDefaultInfinity: true }).map(withoutSign),
      total: fc.constantFrom(undefined, 1e308),
    }),
    { nil: undefined },
  ),
  usage: fc.option(
    fc.record({
      cpuMs: fc.double({ min: 0, max: 1e12 }).map(withoutSign),
      peakBytes: count,
      isShared: fc.boolean(),
    }),
    {
      nil: undefined,
    },
  ),
  startedAt: fc.option(fc.nat(8.64e15), { nil: undefined }),
});

/** JSON has one zero only. */
function withoutSign(number: number): number {
  return number === 0 ? 0 : number;
}

test('a run comes back exactly as it was, its lines too', async () => {
  const state = await open(temporaryDirectory(QUICK));
  let sequence = 0;
  await fc.assert(
    fc.asyncProperty(changes, text, async (change, message) => {
      const run = runOf(++sequence, change);
      state.runs.record(run);
      state.runs.addLine(run.id, { at: 1, level: 'debug', message });
      expect(await state.runs.get(run.id)).toEqual(run);
      expect((await state.runs.log(run.id)).lines).toEqual([{ at: 1, level: 'debug', message }]);
    }),
  );
  expect(await state.runs.list({ ...EVERYTHING, limit: 1 })).toHaveLength(1);
});
