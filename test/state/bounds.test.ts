import { randomUUID } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, test, vi } from 'vitest';
import { UnavailableError } from '../../src/errors.ts';
import type { ArchiveQuery } from '../../src/run/run-archive.ts';
import type { State } from '../../src/state/contract.ts';
import { HeldClock } from '../support/held-clock.ts';
import { runOf } from '../support/runs.ts';
import { batchOf, policyOf, receiptOf } from './objects.ts';
import { keep, open, QUICK, temporaryDirectory } from './support.ts';

const MIB = 1024 * 1024;
const DAY_MS = 86_400_000;
const NOTHING = { receipts: [], parts: [], letters: [], droppedLetters: [] };
const QUERY: ArchiveQuery = { policy: undefined, status: undefined, limit: 10_000, before: undefined };

async function sequencesIn(state: State): Promise<number[]> {
  return (await state.runs.list(QUERY)).map(({ sequence }) => sequence).reverse();
}

function letterOf(runId: string, bytes: Buffer) {
  const batch = batchOf(bytes, runId);
  const { id: batchId, entityCount } = batch;
  const { byteLength } = bytes;
  const id = randomUUID();
  const said = { reason: 'no', rejectedAt: 1, policy: 'p1', encoding: 'diode' as const };
  return { letter: { id, runId, batchId, entityCount, byteLength, ...said }, batch };
}

function sizeOf(directory: string): number {
  return readdirSync(directory).reduce((sum, name) => sum + statSync(join(directory, name)).size, 0);
}

test('of each policy the latest runs are kept, and those with something left to do', async () => {
  const clock = new HeldClock();
  const directory = temporaryDirectory();
  const state = await open(directory, { clock, bounds: { historyRuns: 10 } });
  const at = { createdAt: clock.now(), finishedAt: clock.now() };
  const done = { ...at, status: 'completed' as const };
  const runs = Array.from({ length: 30 }, (_, index) => runOf(index + 1, done));
  const [withBatch, withLetter] = [runs[1], runs[2]];
  if (!withBatch || !withLetter) throw new Error('runs are missing');
  runs[0] = runOf(1, { ...at, status: 'running' });
  const batch = batchOf('waits', withBatch.id);
  await keep(state, batch);
  await state.batches.settle({ ...NOTHING, letters: [letterOf(withLetter.id, Buffer.from('x'))] });
  for (const run of runs) state.runs.record(run);
  for (let skipped = 31; skipped <= 50; skipped++)
    state.runs.record(runOf(skipped, { ...at, status: 'skipped' }));
  state.runs.record(runOf(51, { ...done, policy: 'other' }));
  for (let ingest = 52; ingest <= 90; ingest++)
    state.runs.record(runOf(ingest, { ...done, trigger: 'ingest' }));
  const ingests = Array.from({ length: 10 }, (_, index) => index + 81);
  const latest = [23, 24, 25, 26, 27, 28, 29, 30, 49, 50, 51, ...ingests];
  await vi.waitFor(
    async () => {
      await clock.advance(10_000);
      expect(await sequencesIn(state)).toEqual([1, 2, 3, ...latest]);
    },
    { timeout: 15_000 },
  );
  await state.batches.settle({ ...NOTHING, receipts: [receiptOf(batch, { outcome: 'acknowledged' })] });
  await state.close();

  const again = await open(directory, { clock, bounds: { historyRuns: 10 } });
  await vi.waitFor(
    async () => {
      await clock.advance(10_000);
      expect(await sequencesIn(again)).toEqual([1, 3, ...latest]);
    },
    { timeout: 15_000 },
  );
  expect(await again.batches.receipts(withBatch.id)).toEqual([]);
});

test('runs are kept no longer than their time, and their sequences are not given again', async () => {
  const clock = new HeldClock();
  const state = await open(temporaryDirectory(QUICK), { clock, bounds: { historyAgeMs: 2 * DAY_MS } });
  for (let sequence = 1; sequence <= 300; sequence++) {
    const now = clock.now();
    state.runs.record(
      runOf(sequence, { status: 'failed', policy: `p${sequence}`, createdAt: now, finishedAt: now }),
    );
    if (sequence === 150) await clock.advance(DAY_MS);
  }
  await clock.advance(1.5 * DAY_MS);
  await vi.waitFor(async () => expect(await sequencesIn(state)).toHaveLength(150), { timeout: 15_000 });
  await clock.advance(DAY_MS);
  await vi.waitFor(
    async () => {
      await clock.advance(10_000);
      expect(await sequencesIn(state)).toEqual([]);
    },
    { timeout: 15_000 },
  );
  expect(await state.runs.lastSequence()).toBe(300);
});

test.each([
  ['too many', { historyRuns: 2 }],
  ['too old', { historyAgeMs: DAY_MS }],
  ['too large', { dataMaxBytes: 16 * MIB }],
])('the latest moment of a schedule is known, although runs are %s', async (_, bounds) => {
  const clock = new HeldClock();
  const directory = temporaryDirectory(QUICK);
  const state = await open(directory, { clock, bounds: { historyRuns: 10_000, ...bounds } });
  await state.policies.save([policyOf(1), policyOf(2, { name: 'gone' })]);
  const at = { createdAt: clock.now(), finishedAt: clock.now(), reason: 'r'.repeat(20_000) };
  const gone = { policy: 'gone', policyNumber: 2 };
  for (const [index, policy] of [{}, gone, {}, gone].entries())
    state.runs.record(runOf(index + 1, { ...at, ...policy, status: 'failed', dueAt: 100 * index }));
  for (let sequence = 5; sequence <= 605; sequence++)
    state.runs.record(runOf(sequence, { ...at, status: 'failed', trigger: 'submit' }));
  await state.policies.remove([2]);
  state.runs.record(runOf(606, { ...gone, policyNumber: 3, trigger: 'submit', createdAt: clock.now() }));
  await clock.advance(2 * DAY_MS);
  await vi.waitFor(
    async () => {
      await clock.advance(10_000);
      const sequences = await sequencesIn(state);
      expect(sequences).not.toContain(1);
      expect(sequences).not.toContain(2);
      expect(sequences).not.toContain(5);
    },
    { timeout: 15_000 },
  );
  expect(await sequencesIn(state)).toContain(3);
  expect((await state.policies.found()).map(({ lastDueAt }) => lastDueAt)).toEqual([200]);
});

test('when room is scarce history goes first, then letters, and never a batch that waits', async () => {
  const clock = new HeldClock();
  const directory = temporaryDirectory();
  const dataMaxBytes = 16 * MIB;
  const state = await open(directory, { clock, bounds: { dataMaxBytes, historyRuns: 10_000 } });
  await state.policies.save([policyOf(1)]);
  const now = clock.now();
  const runs = Array.from({ length: 40 }, (_, index) =>
    runOf(index + 1, { status: 'completed', createdAt: now, finishedAt: now, reason: 'r'.repeat(1_000) }),
  );
  for (const run of runs) {
    state.runs.record(run);
    for (let line = 0; line < 60; line++)
      state.runs.addLine(run.id, { at: line, level: 'info', message: 'x'.repeat(1_000) });
  }
  const letter = letterOf(randomUUID(), Buffer.alloc(MIB, 2));
  await state.batches.settle({ ...NOTHING, letters: [letter] });
  const waiting: string[] = [];
  const fill = async (): Promise<void> => {
    for (;;) {
      const batch = batchOf(Buffer.alloc(500_000, waiting.length));
      await keep(state, batch);
      waiting.push(batch.id);
      await clock.advance(10_000);
    }
  };
  const full = new UnavailableError('cannot keep this now: the data directory is full (--data-max-bytes)');
  await expect(fill()).rejects.toEqual(full);
  expect(state.batches.waitingBytes).toBeGreaterThan(state.spoolBytes - 500_000);
  expect(state.batches.waitingBytes).toBeLessThanOrEqual(state.spoolBytes);
  expect(sizeOf(directory)).toBeLessThan(dataMaxBytes);
  expect(state.health()).toEqual({ ok: true, reason: '' });
  // The last run of a policy stays.
  const last = runs.at(-1);
  await vi.waitFor(
    async () => {
      await clock.advance(10_000);
      expect(await state.runs.log(last?.id ?? '')).toEqual({ lines: [], dropped: 60 });
    },
    { timeout: 15_000 },
  );
  expect((await state.batches.found()).map(({ id }) => id)).toEqual(waiting);

  await state.policies.save([policyOf(2)]);
  const receipts = (await state.batches.found()).map((receipt) => ({
    ...receipt,
    outcome: 'acknowledged' as const,
  }));
  await state.batches.settle({ ...NOTHING, receipts });
  expect(state.batches.waitingBytes).toBe(0);
  await vi.waitFor(
    async () => {
      await clock.advance(10_000);
      await state.policies.found();
      expect(sizeOf(directory)).toBeLessThan(7 * MIB);
    },
    { timeout: 15_000 },
  );
  await keep(state, batchOf(Buffer.alloc(500_000)));
});

test('letters give way to letters, and are never more than a quarter of what is kept', async () => {
  const said: string[] = [];
  const log = pino({}, { write: (line: string) => void said.push(JSON.parse(line).msg) });
  const state = await open(temporaryDirectory(), { log, bounds: { dataMaxBytes: 16 * MIB } });
  const ids: string[] = [];
  for (let count = 0; count < 6; count++) {
    const letter = letterOf(randomUUID(), Buffer.alloc(MIB, count));
    ids.push(letter.letter.id);
    await state.batches.settle({ ...NOTHING, letters: [letter] });
  }
  const listed = await state.batches.letters({
    policy: undefined,
    runId: undefined,
    limit: 10,
    after: undefined,
  });
  expect(listed.map(({ id }) => id)).toEqual(ids.slice(-3));
  expect(state.batches.letterCount).toBe(3);
  expect(said).toEqual(Array(3).fill('Dead letters that were dropped to make room: 1'));
});
