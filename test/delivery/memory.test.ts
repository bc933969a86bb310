import { describe, expect, test } from 'vitest';
import { SinkError } from '../../src/sink/contract.ts';
import { giveRoomBack, roomyBytes } from '../../src/sink/roomy-bytes.ts';
import { aRun, batchOf, empty, isPending, nothing, setUp, unavailable } from './support.ts';

describe('memory', () => {
  test('is given in the order in which it was asked for, and waits for acknowledgements', async () => {
    const { sink, delivery } = setUp({ maxUnsentBytes: 100 });
    const one = delivery.open(aRun, nothing);
    const two = delivery.open(aRun, nothing);
    await one.reserve(60);
    const large = two.reserve(50);
    const small = one.reserve(10);
    expect(await isPending(large)).toBe(true);
    expect(await isPending(small)).toBe(true);
    one.accept(batchOf('a', 60));
    expect(await isPending(large)).toBe(true);
    (await sink.nth(0)).acknowledge();
    await large;
    await small;
  });

  test('more than there is in all goes through alone', async () => {
    const { sink, delivery } = setUp({ maxUnsentBytes: 100 });
    const run = delivery.open(aRun, nothing);
    const other = delivery.open(aRun, nothing);
    await run.reserve(10);
    const huge = run.reserve(1000);
    const next = other.reserve(1);
    expect(await isPending(huge)).toBe(true);
    run.accept(batchOf('a', 10));
    (await sink.nth(0)).acknowledge();
    await huge;
    expect(await isPending(next)).toBe(true);
    run.accept(batchOf('b', 1000));
    (await sink.nth(1)).acknowledge();
    await next;
  });

  test('of a run that fails or is given up goes to others, asked for or reserved', async () => {
    const { sink, delivery } = setUp({ maxUnsentBytes: 100 });
    const failing = delivery.open(aRun, nothing);
    const cancelled = delivery.open(aRun, nothing);
    const waiting = delivery.open(aRun, nothing);
    await failing.reserve(40);
    failing.accept(batchOf('a', 40));
    await failing.reserve(20);
    await cancelled.reserve(40);
    const refused = expect(cancelled.reserve(70)).rejects.toThrow('cancelled');
    const large = waiting.reserve(100);
    (await sink.nth(0)).fail(new SinkError('fatal', 'no'));
    await failing.failed;
    expect(await isPending(large)).toBe(true);
    cancelled.abort('cancelled');
    await refused;
    await large;
  });

  test('reserved and not used is free when the run finishes, however long its batches wait', async () => {
    const { sink, delivery } = setUp({ maxUnsentBytes: 100 });
    const run = delivery.open(aRun, nothing);
    await run.reserve(30);
    run.accept(batchOf('waits', 30));
    await run.reserve(60);
    const late = expect(run.reserve(50)).rejects.toThrow('takes no more batches');
    const other = delivery.open(aRun, nothing);
    const next = other.reserve(70);
    const finished = run.finish();
    await late;
    await next;
    (await sink.nth(0)).acknowledge();
    expect(await finished).toMatchObject({ batches: 1, failure: undefined });
    await other.reserve(30);
  });

  test('reserved and not used is free when the run finishes', async () => {
    const { delivery } = setUp({ maxUnsentBytes: 100 });
    const run = delivery.open(aRun, nothing);
    await run.reserve(100);
    const other = delivery.open(aRun, nothing).reserve(100);
    expect(await isPending(other)).toBe(true);
    await run.finish();
    await other;
    await expect(run.reserve(1)).rejects.toThrow('takes no more batches');
  });

  test('a batch that is smaller than its reservation frees the difference', async () => {
    const { delivery } = setUp({ maxUnsentBytes: 100 });
    const run = delivery.open(aRun, nothing);
    await run.reserve(100);
    run.accept(batchOf('a', 30));
    await delivery.open(aRun, nothing).reserve(70);
  });

  test('holds at most what it should, however many runs produce', async () => {
    const { sink, delivery } = setUp({ maxUnsentBytes: 100 });
    let most = 0;
    const produce = async (): Promise<void> => {
      const run = delivery.open(aRun, nothing);
      for (let index = 0; index < 20; index += 1) {
        await run.reserve(15);
        run.accept(batchOf('a', 15));
        most = Math.max(most, delivery.totals().waitingBytes);
      }
      expect(await run.finish()).toMatchObject({ acknowledged: 40, failure: undefined });
    };
    const acknowledgeAll = async (): Promise<void> => {
      for (let index = 0; index < 200; index += 1) (await sink.nth(index)).acknowledge();
    };
    await Promise.all([acknowledgeAll(), ...Array.from({ length: 10 }, produce)]);
    expect(most).toBeGreaterThan(60);
    expect(most).toBeLessThanOrEqual(100);
  });

  test('of a batch may be given back by the sink: it is counted as it was', async () => {
    const { sink, clock, delivery } = setUp();
    const run = delivery.open(aRun, nothing);
    const bytes = roomyBytes(30);
    await run.reserve(30);
    run.accept({ ...batchOf('a'), bytes });
    (await sink.nth(0)).fail(unavailable('away'));
    expect(await isPending(run.finish())).toBe(true);
    expect(bytes).toHaveLength(30);
    await clock.advance(60_000);
    const last = await sink.nth(1);
    giveRoomBack(bytes);
    last.acknowledge();
    expect(await run.finish()).toMatchObject({ acknowledged: 2, bytes: 30, failure: undefined });
    expect(delivery.totals()).toEqual(empty);
  });
});
