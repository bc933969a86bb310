import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import type { BatchStore } from '../../src/delivery/batch-store.ts';
import { createDelivery } from '../../src/delivery/create-delivery.ts';
import { createMemoryBatchStore } from '../../src/delivery/memory-batch-store.ts';
import { UnavailableError } from '../../src/errors.ts';
import { SinkError } from '../../src/sink/contract.ts';
import { open, temporaryDirectory } from '../state/support.ts';
import { HeldClock } from '../support/held-clock.ts';
import { batchOfNames, namesIn } from './picky-receiver.ts';
import { HeldSink, isPending } from './support.ts';

const ALL = { policy: undefined, runId: undefined, limit: 100, after: undefined };
/** What is older is not kept for long. */
const START = Date.now();
const edge = { runId: 'run-1', policy: 'edge\n' };

const stores: Record<string, () => Promise<BatchStore>> = {
  memory: async () => createMemoryBatchStore(),
  disk: async () => (await open(temporaryDirectory())).batches,
};

/** A run of three entities, the second of which was refused. */
async function refuseOne(store: BatchStore) {
  const sink = new HeldSink();
  const clock = new HeldClock(START);
  const delivery = createDelivery({ sink, clock, log: pino({ level: 'silent' }), store });
  const run = delivery.open(edge, () => undefined);
  const batch = batchOfNames(['a', 'b', 'c'], 'run-1');
  run.accept(batch);
  (await sink.nth(0)).fail(refusalOf('b is bad', 1));
  const outcome = await run.finish();
  const [letter = expect.fail('no letter')] = await delivery.letters.list(ALL);
  return { sink, clock, delivery, batch, outcome, letter };
}

function refusalOf(words: string, index: number): SinkError {
  const refusal = { of: 'named' as const, entities: [{ index, words }], othersTaken: true };
  return new SinkError('rejected', words, { refusal });
}

describe.each(Object.keys(stores))('a dead letter in %s', (kind) => {
  const newStore = (): Promise<BatchStore> => stores[kind]?.() ?? expect.fail('no such store');

  test('says whose it is, why, and what it holds', async () => {
    const { delivery, batch, letter, clock } = await refuseOne(await newStore());
    expect(letter).toEqual({
      id: letter.id,
      runId: 'run-1',
      policy: 'edge\n',
      batchId: batch.id,
      encoding: 'diode',
      entityCount: 1,
      byteLength: 3,
      reason: 'b is bad',
      rejectedAt: clock.now(),
    });
    const opened = await delivery.letters.open(letter.id);
    expect(namesIn(opened?.batch.bytes ?? Buffer.alloc(0))).toEqual(['b']);
    expect(opened?.batch.run).toEqual(batch.run);
    expect(await delivery.letters.open('nope')).toBeUndefined();
    await expect.poll(() => delivery.letters.count).toBe(1);
  });

  test('is sent again under a new id, once, and gone', async () => {
    const { delivery, batch, letter, sink } = await refuseOne(await newStore());
    const [id, same] = await Promise.all([
      delivery.letters.retry(letter.id),
      delivery.letters.retry(letter.id),
    ]);
    expect(same).toBe(id);
    const send = await sink.nth(1);
    expect(send.batch).toMatchObject({ id, run: batch.run, entityCount: 1 });
    expect(namesIn(send.batch.bytes)).toEqual(['b']);
    expect(await delivery.letters.list(ALL)).toEqual([]);
    expect(delivery.of('run-1')).toMatchObject({ waitingEntities: 1 });
    send.acknowledge();
    await expect.poll(() => delivery.of('run-1')).toBeUndefined();
    expect(await delivery.letters.retry(letter.id)).toBeUndefined();
    const receipts = await delivery.receipts('run-1');
    expect(receipts.map(({ parent, outcome, acknowledged }) => [parent, outcome, acknowledged])).toEqual([
      [undefined, 'rejected', 2],
      [batch.id, 'acknowledged', 1],
    ]);
    expect(sink.sends).toHaveLength(2);
  });

  test('that is refused again is a letter again', async () => {
    const { delivery, letter, sink } = await refuseOne(await newStore());
    const id = await delivery.letters.retry(letter.id);
    (await sink.nth(1)).fail(new SinkError('rejected', 'still bad'));
    await expect.poll(() => delivery.letters.list(ALL)).toHaveLength(1);
    const [again] = await delivery.letters.list(ALL);
    expect(again).toMatchObject({ batchId: id, reason: 'still bad', runId: 'run-1', policy: 'edge\n' });
    expect(again?.id).not.toBe(letter.id);
  });

  test('can be dropped', async () => {
    const { delivery, letter } = await refuseOne(await newStore());
    expect(await delivery.letters.drop(letter.id)).toBe(true);
    expect(await delivery.letters.drop(letter.id)).toBe(false);
    expect(await delivery.letters.list(ALL)).toEqual([]);
  });

  test('stays where it cannot be kept otherwise', async () => {
    const store = await newStore();
    const { delivery, letter, sink } = await refuseOne(store);
    await delivery.stop();
    await expect(delivery.letters.retry(letter.id)).rejects.toThrow(UnavailableError);
    expect(await store.letters(ALL)).toEqual([letter]);
    expect(await isPending(sink.nth(1))).toBe(true);
  });
});
