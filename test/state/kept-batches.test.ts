import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { BatchReceipt, OpenedLetter, Settlement } from '../../src/delivery/batch-store.ts';
import type { Batch } from '../../src/sink/contract.ts';
import { batchOf, receiptOf } from './objects.ts';
import { keep, open, QUICK, temporaryDirectory } from './support.ts';

const NOTHING: Settlement = { receipts: [], parts: [], letters: [], droppedLetters: [] };

function letterOf(batch: Batch, policy = 'p1'): OpenedLetter {
  const { id: batchId, entityCount, bytes } = batch;
  const { runId } = batch.run;
  const letter = {
    id: randomUUID(),
    runId,
    policy,
    batchId,
    encoding: 'diode' as const,
    entityCount,
    byteLength: bytes.byteLength,
    reason: 'unknown site',
    rejectedAt: 9,
  };
  return { letter, batch };
}

test('bytes of a settled batch are forgotten, its receipt is not', async () => {
  const state = await open(temporaryDirectory());
  const [first, second] = [batchOf('one', 'run'), batchOf('second', 'run')];
  const receipts: BatchReceipt[] = [
    receiptOf(first, { keptAt: 3, outcome: 'acknowledged', settledAt: 5, acknowledged: 3, tries: 2 }),
    receiptOf(second, { keptAt: 4, sequence: 2 }),
  ];
  await keep(state, second, { sequence: 2, keptAt: 4, acceptedAt: receipts[1]?.acceptedAt ?? 0 });
  await keep(state, first);
  expect(state.batches.waitingBytes).toBe(9);
  await state.batches.settle({ ...NOTHING, receipts: receipts.slice(0, 1) });
  expect(state.batches.waitingBytes).toBe(6);
  await expect(state.batches.read(first.id)).rejects.toThrow('does not wait');
  expect(await state.batches.receipts('run')).toEqual(receipts);
  expect((await state.batches.found()).map(({ id }) => id)).toEqual([second.id]);
  expect(await state.batches.receipts('other')).toEqual([]);
});

test('parts take the place of a batch, and letters that of entities, all at once', async () => {
  const directory = temporaryDirectory();
  const first = await open(directory);
  const whole = batchOf('whole', 'run');
  const [left, right] = [batchOf('left', 'run'), batchOf('right', 'run')];
  const letter = letterOf(batchOf('bad', 'run'));
  await keep(first, whole);
  await first.batches.settle({
    receipts: [
      receiptOf(whole, { outcome: 'split' }),
      receiptOf(left, { parent: whole.id, keptAt: 1 }),
      receiptOf(right, { parent: whole.id, outcome: 'rejected' }),
    ],
    parts: [{ batch: left, encoding: 'diode', policy: 'p1' }],
    letters: [letter],
    droppedLetters: [],
  });
  expect(first.batches.letterCount).toBe(1);
  await first.close();

  const second = await open(directory);
  expect(await second.batches.found()).toMatchObject([{ id: left.id, parent: whole.id, run: left.run }]);
  expect((await second.batches.receipts('run')).map(({ outcome }) => outcome)).toEqual([
    'split',
    'waiting',
    'rejected',
  ]);
  expect(second.batches.letterCount).toBe(1);
  expect(await second.batches.letter(letter.letter.id)).toEqual(letter);
  const again = batchOf('bad', 'run');
  await second.batches.settle({
    receipts: [receiptOf(again)],
    parts: [{ batch: again, encoding: 'diode', policy: 'p1' }],
    letters: [],
    droppedLetters: [letter.letter.id],
  });
  expect(second.batches.letterCount).toBe(0);
  expect(await second.batches.letter(letter.letter.id)).toBeUndefined();
  expect(await second.batches.read(again.id)).toEqual(again.bytes);
});

test('a settlement that fails changes nothing, and others of its group are kept', async () => {
  const state = await open(temporaryDirectory());
  const batch = batchOf('one', 'run');
  await keep(state, batch);
  const broken = state.batches.settle({
    receipts: [receiptOf(batch, { outcome: 'rejected' })],
    parts: [{ batch: batchOf('without a receipt'), encoding: 'diode', policy: 'p1' }],
    letters: [letterOf(batch)],
    droppedLetters: [],
  });
  const other = batchOf('other');
  await Promise.all([expect(broken).rejects.toThrow('batches.settle failed'), keep(state, other)]);
  expect(state.batches.letterCount).toBe(0);
  expect(state.batches.waitingBytes).toBe(8);
  expect((await state.batches.found()).map(({ id }) => id)).toEqual([batch.id, other.id]);
});

test('letters are listed oldest first, by policy and run, a page at a time, and dropped', async () => {
  const state = await open(temporaryDirectory());
  const letters = ['a', 'b', 'a', 'a'].map((policy, index) =>
    letterOf(batchOf('x', `run${index % 2}`), policy),
  );
  await state.batches.settle({ ...NOTHING, letters });
  const ids = letters.map(({ letter }) => letter.id);
  const list = async (query: { policy?: string; runId?: string; limit?: number; after?: string }) => {
    const whole = { policy: undefined, runId: undefined, limit: 10, after: undefined, ...query };
    return (await state.batches.letters(whole)).map(({ id }) => ids.indexOf(id));
  };
  expect(await list({})).toEqual([0, 1, 2, 3]);
  expect(await list({ policy: 'a' })).toEqual([0, 2, 3]);
  expect(await list({ runId: 'run1' })).toEqual([1, 3]);
  expect(await list({ limit: 2 })).toEqual([0, 1]);
  expect(await list({ limit: 2, after: ids[1] ?? '' })).toEqual([2, 3]);
  expect(await state.batches.dropLetter(ids[2] ?? '')).toBe(true);
  expect(await state.batches.dropLetter(ids[2] ?? '')).toBe(false);
  expect(await list({ policy: 'a' })).toEqual([0, 3]);
});

test('what is handed over once more, because nobody knows whether it was kept, is there once', async () => {
  const state = await open(temporaryDirectory());
  const batch = batchOf('again', 'run');
  const change = { ...NOTHING, receipts: [receiptOf(batch)], letters: [letterOf(batch)] };
  for (let time = 0; time < 2; time++) {
    await keep(state, batch);
    await state.batches.settle({ ...change, parts: [{ batch, encoding: 'diode', policy: 'p1' }] });
  }
  expect(await state.batches.found()).toHaveLength(1);
  expect(state.batches.waitingBytes).toBe(5);
  expect(state.batches.letterCount).toBe(1);
});

test('the buffer of a batch stays as it is with whoever handed it over', async () => {
  const state = await open(temporaryDirectory());
  const pool = Buffer.alloc(1_000, 7);
  const batch = { ...batchOf(''), bytes: pool.subarray(10, 20) };
  await keep(state, batch);
  expect(batch.bytes).toEqual(Buffer.alloc(10, 7));
  expect(await state.batches.read(batch.id)).toEqual(Buffer.alloc(10, 7));
});

test('a batch comes back exactly as it was', async () => {
  const state = await open(temporaryDirectory(QUICK));
  const text = fc.string({ unit: 'binary' });
  const identity = fc.record({
    runId: text.filter((id) => id.isWellFormed() && !id.includes('\0')),
    policyName: text,
    backend: text,
    appName: text,
    appVersion: text,
  });
  await fc.assert(
    fc.asyncProperty(
      identity,
      text,
      text,
      fc.uint8Array({ maxLength: 9_000 }),
      async (run, policy, lastError, bytes) => {
        const batch: Batch = { id: randomUUID(), run, entityCount: bytes.length, bytes: Buffer.from(bytes) };
        const receipt = receiptOf(batch, { lastError, keptAt: 4 });
        await state.batches.keep(batch, receipt, 'otlp', policy);
        expect(await state.batches.read(batch.id)).toEqual(batch.bytes);
        expect((await state.batches.found()).at(-1)).toEqual({ ...receipt, encoding: 'otlp', policy, run });
        await state.batches.settle({ ...NOTHING, receipts: [{ ...receipt, outcome: 'acknowledged' }] });
      },
    ),
  );
  expect(state.batches.waitingBytes).toBe(0);
});
