import { expect, test } from 'vitest';
import type { BatchReceipt, OpenedLetter } from '../../src/delivery/batch-store.ts';
import { createMemoryBatchStore } from '../../src/delivery/memory-batch-store.ts';
import { newFamily, waitingBatch } from '../../src/delivery/waiting-batch.ts';
import { giveRoomBack } from '../../src/sink/roomy-bytes.ts';
import { batchOfNames } from './picky-receiver.ts';

const ALL = { policy: undefined, runId: undefined, limit: 100, after: undefined };
const NOTHING = { receipts: [], parts: [], letters: [], droppedLetters: [] };

function kept(id: string, runId = 'run-1', sequence = 0) {
  const batch = batchOfNames(['x'], runId, id);
  const origin = { sequence, parent: undefined, acceptedAt: 1, encoding: 'diode' as const };
  const { receipt } = waitingBatch(batch, { ...origin, family: newFamily(), generation: 0, addedAt: 0 });
  return { batch, receipt };
}

function done(receipt: BatchReceipt): BatchReceipt {
  return { ...receipt, outcome: 'acknowledged', settledAt: 2, acknowledged: 1 };
}

function letterNamed(id: string, byteLength: number, policy = 'edge'): OpenedLetter {
  const batch = batchOfNames(['x'], 'run-1');
  const { runId } = batch.run;
  const said = { encoding: 'diode' as const, entityCount: 1, byteLength, reason: 'no', rejectedAt: 1 };
  return { letter: { id, runId, policy, batchId: batch.id, ...said }, batch };
}

test('bytes are held while a batch waits', async () => {
  const store = createMemoryBatchStore();
  const { batch, receipt } = kept('a');
  await store.keep(batch, receipt, 'diode', 'edge');
  expect(store.waitingBytes).toBe(3);
  expect(await store.read('a')).toBe(batch.bytes);
  await store.settle({ ...NOTHING, receipts: [done(receipt)] });
  expect(store.waitingBytes).toBe(0);
  await expect(store.read('a')).rejects.toThrow('no batch a waits');
  expect(await store.found()).toEqual([]);
});

test('a batch is counted as it was when its bytes were given back before it is settled', async () => {
  const store = createMemoryBatchStore();
  const { batch, receipt } = kept('a');
  await store.keep(batch, receipt, 'diode', 'edge');
  giveRoomBack(batch.bytes);
  await store.settle({ ...NOTHING, receipts: [done(receipt)] });
  expect(store.waitingBytes).toBe(0);
});

test('of receipts the latest are known, of each run and of all, and every one that waits', async () => {
  const store = createMemoryBatchStore({ receiptsOfRun: 3, receipts: 5 });
  const idsOf = async (run: string): Promise<string[]> => (await store.receipts(run)).map(({ id }) => id);
  for (const run of ['one', 'two', 'three']) {
    for (let index = 0; index < 6; index++) {
      const { batch, receipt } = kept(`${run}-${index}`, run, index);
      await store.keep(batch, receipt, 'diode', 'edge');
      if (index > 0) await store.settle({ ...NOTHING, receipts: [done(receipt)] });
    }
  }
  expect(await idsOf('three')).toEqual(['three-0', 'three-4', 'three-5']);
  expect(await idsOf('two')).toEqual(['two-0', 'two-4', 'two-5']);
  expect(await idsOf('one')).toEqual(['one-0', 'one-5']);
});

test('letters are bounded by number and by bytes: the oldest go first, one alone stays', async () => {
  const store = createMemoryBatchStore({ letters: 3, letterBytes: 100 });
  const ids = async (): Promise<string[]> => (await store.letters(ALL)).map(({ id }) => id);
  for (const id of ['a', 'b', 'c', 'd']) await store.settle({ ...NOTHING, letters: [letterNamed(id, 10)] });
  expect(await ids()).toEqual(['b', 'c', 'd']);
  await store.settle({ ...NOTHING, letters: [letterNamed('e', 85)] });
  expect(await ids()).toEqual(['d', 'e']);
  await store.settle({ ...NOTHING, letters: [letterNamed('f', 500)] });
  expect(await ids()).toEqual(['f']);
  expect(store.letterCount).toBe(1);
});

test('letters are listed by policy and run, a page at a time', async () => {
  const store = createMemoryBatchStore();
  const letters = ['a', 'b', 'c', 'd'].map((id, index) => letterNamed(id, 1, index % 2 ? 'odd' : 'even'));
  await store.settle({ ...NOTHING, letters });
  const ids = async (query: Partial<typeof ALL> | object): Promise<string[]> =>
    (await store.letters({ ...ALL, ...query })).map(({ id }) => id);
  expect(await ids({ policy: 'odd' })).toEqual(['b', 'd']);
  expect(await ids({ runId: 'other' })).toEqual([]);
  expect(await ids({ limit: 2 })).toEqual(['a', 'b']);
  expect(await ids({ limit: 2, after: 'b' })).toEqual(['c', 'd']);
});
