import { describe, expect, test } from 'vitest';
import { SinkError } from '../../src/sink/contract.ts';
import { aRun, batchOf, empty, isPending, nothing, setUp, unavailable } from './support.ts';

describe('a receiver that is away', () => {
  test('is tried again after 0.5, 1, 2 ... 30 s, with the same batch', async () => {
    const { sink, delivery, clock } = setUp();
    const run = delivery.open(aRun, nothing);
    const batch = batchOf('a');
    run.accept(batch);
    for (const [tries, delayMs] of [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000].entries()) {
      (await sink.nth(tries)).fail(unavailable('away'));
      await clock.advance(delayMs - 1);
      expect(sink.sends).toHaveLength(tries + 1);
      await clock.advance(1);
    }
    const last = await sink.nth(8);
    expect(last.batch).toEqual(batch);
    last.acknowledge();
    expect(await run.finish()).toMatchObject({ acknowledged: 2, failure: undefined });
    expect(clock.pending).toBe(0);
  });

  test('has not been sent what did not get as far as it', async () => {
    const { sink, delivery, clock } = setUp();
    const run = delivery.open(aRun, nothing);
    run.accept(batchOf('a'));
    const first = await sink.nth(0);
    first.fail(new SinkError('unavailable', 'no token', { isUnsent: true }));
    await clock.advance(500);
    const second = await sink.nth(1);
    second.fail(unavailable('reset'));
    await clock.advance(0);
    const sentAt = clock.now();
    await clock.advance(1_000);
    const third = await sink.nth(2);
    third.fail(new SinkError('unavailable', 'no token', { isUnsent: true }));
    await clock.advance(0);
    expect(await delivery.receipts(aRun.runId)).toMatchObject([
      { outcome: 'waiting', tries: 3, firstSentAt: sentAt, lastSentAt: sentAt, lastError: 'no token' },
    ]);
  });

  test('is tried at any moment up to that: runs do not come back together', async () => {
    const { sink, delivery, clock } = setUp({ random: () => 0.25 });
    delivery.open(aRun, nothing).accept(batchOf('a'));
    (await sink.nth(0)).fail(unavailable('away'));
    await clock.advance(124);
    expect(sink.sends).toHaveLength(1);
    await clock.advance(1);
    expect(sink.sends).toHaveLength(2);
  });

  test('for 5 minutes fails the run with its last words', async () => {
    const { sink, delivery, clock } = setUp();
    const run = delivery.open(aRun, nothing);
    run.accept(batchOf('a'));
    run.accept(batchOf('b'));
    let answered = 0;
    const failed = run.failed;
    while (await isPending(failed)) {
      for (; answered < sink.sends.length; answered += 1) {
        sink.sends[answered]?.fail(unavailable(`Transient ingest failure (UNAVAILABLE): no ${answered}`));
      }
      await clock.advance(10_000);
    }
    const tries = sink.sends.length;
    const reason = `Transient ingest failure (UNAVAILABLE): no ${tries - 1} (gave up after ${tries} tries in 300 s)`;
    expect(await run.finish()).toMatchObject({ acknowledged: 0, failure: reason });
    expect(tries).toBeGreaterThan(10);
    expect(new Set(sink.sends.map(({ batch }) => batch.id))).toEqual(new Set(['a']));
    expect(clock.pending).toBe(0);
    expect(delivery.totals()).toEqual(empty);
  });

  test('keeps a batch in order: the next goes only after it', async () => {
    const { sink, delivery, clock } = setUp();
    const run = delivery.open(aRun, nothing);
    run.accept(batchOf('a'));
    run.accept(batchOf('b'));
    (await sink.nth(0)).fail(unavailable('away'));
    await clock.advance(500);
    (await sink.nth(1)).acknowledge();
    (await sink.nth(2)).acknowledge();
    expect(await run.finish()).toMatchObject({ acknowledged: 4 });
    expect(sink.sends.map(({ batch }) => batch.id)).toEqual(['a', 'a', 'b']);
  });

  test('does not keep a run that is given up', async () => {
    const { sink, delivery, clock } = setUp();
    const run = delivery.open(aRun, nothing);
    run.accept(batchOf('a'));
    (await sink.nth(0)).fail(unavailable('away'));
    await expect.poll(() => clock.pending).toBe(1);
    run.abort('timed out after 5m');
    expect(await run.finish()).toMatchObject({ acknowledged: 0, failure: 'timed out after 5m' });
    expect(clock.pending).toBe(0);
  });

  test('is asked by one run at a time, in turn, until it answers; then all send', async () => {
    const { sink, delivery, clock } = setUp();
    const runs = ['a', 'b', 'c', 'd', 'e', 'f'].map((id) => {
      const run = delivery.open({ runId: id, policy: 'edge' }, nothing);
      run.accept(batchOf(id));
      return run;
    });
    await sink.nth(3);
    for (const send of sink.sends) send.fail(unavailable('away'));
    await clock.advance(499);
    expect(sink.sends).toHaveLength(4);
    expect(delivery.snapshot()).toMatchObject({
      lastError: { message: 'away' },
      nextTryAt: clock.now() + 1,
    });
    await clock.advance(1);
    expect(sink.sends.slice(4).map(({ batch }) => batch.id)).toEqual(['e']);
    sink.sends[4]?.fail(unavailable('still away'));
    await clock.advance(1_000);
    expect(sink.sends.slice(5).map(({ batch }) => batch.id)).toEqual(['f']);
    sink.sends[5]?.acknowledge();
    await sink.nth(9);
    expect(sink.underWay).toBe(4);
    for (let index = 6; index < 11; index += 1) (await sink.nth(index)).acknowledge();
    for (const run of runs) expect(await run.finish()).toMatchObject({ acknowledged: 2 });
    expect(clock.pending).toBe(0);
    expect(delivery.snapshot()).toMatchObject({ lastError: undefined, nextTryAt: undefined });
  });

  test('is no reason to look at thousands of waiting runs for long, whenever somebody asks how they stand', async () => {
    const { sink, delivery } = setUp();
    for (let index = 0; index < 10_000; index += 1) {
      delivery.open({ runId: `run-${index}`, policy: 'edge' }, nothing).accept(batchOf(`batch-${index}`));
    }
    await sink.nth(3);
    const times = Array.from({ length: 20 }, () => {
      const before = performance.now();
      expect(delivery.snapshot().waitingBatches).toBe(10_000);
      return performance.now() - before;
    });
    expect(Math.min(...times)).toBeLessThan(3);
    await delivery.stop();
  });

  test('for 5 minutes fails also those runs that have waited as long for their turn', async () => {
    const { sink, delivery, clock } = setUp();
    const runs = Array.from({ length: 20 }, (_, index) => {
      const run = delivery.open({ runId: `run-${index}`, policy: 'edge' }, nothing);
      run.accept(batchOf(`batch-${index}`));
      return run;
    });
    let answered = 0;
    for (let passed = 0; passed < 6 * 60; passed += 10) {
      for (; answered < sink.sends.length; answered += 1) sink.sends[answered]?.fail(unavailable('away'));
      await clock.advance(10_000);
    }
    for (const run of runs) {
      const { failure, isPassing } = await run.finish();
      expect(isPassing).toBe(true);
      expect(failure).toMatch(/^away \(gave up after \d+ tries in 300 s\)$/);
    }
    expect(clock.pending).toBe(0);
  });
});
