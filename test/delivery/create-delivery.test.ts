import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { createDelivery, type DeliveryOptions } from '../../src/delivery/create-delivery.ts';
import { SinkError } from '../../src/sink/contract.ts';
import { HeldClock } from '../support/held-clock.ts';
import { batchOf, HeldSink, isPending, unavailable } from './support.ts';

const nothing = (): void => undefined;
const aRun = { runId: 'run-1', policy: 'edge' };
const empty = { waitingBatches: 0, waitingBytes: 0, waitingEntities: 0 };

function setUp(changes: Partial<DeliveryOptions> = {}) {
  const sink = new HeldSink();
  const clock = new HeldClock();
  const log = pino({ level: 'silent' });
  const delivery = createDelivery({ sink, clock, log, random: () => 1, ...changes });
  return { sink, clock, delivery };
}

describe('a run', () => {
  test('sends its batches one after another, in order, and tells of each', async () => {
    const { sink, delivery } = setUp();
    const told: number[][] = [];
    const run = delivery.open(aRun, (entities, bytes) => told.push([entities, bytes]));
    for (const id of ['a', 'b', 'c']) run.accept(batchOf(id));
    const outcome = run.finish();
    for (const [index, id] of ['a', 'b', 'c'].entries()) {
      const send = await sink.nth(index);
      expect(send.batch.id).toBe(id);
      expect(sink.underWay).toBe(1);
      expect(told).toHaveLength(index);
      expect(await isPending(outcome)).toBe(true);
      send.acknowledge();
    }
    expect(await outcome).toMatchObject({ acknowledged: 6, failure: undefined });
    expect(told).toEqual([
      [2, 10],
      [2, 10],
      [2, 10],
    ]);
    expect(delivery.totals()).toEqual(empty);
  });

  test('tells how long its oldest batch has waited', async () => {
    const { sink, delivery, clock } = setUp();
    const run = delivery.open(aRun, nothing);
    expect(delivery.oldestAgeMs()).toBeUndefined();
    run.accept(batchOf('a'));
    await clock.advance(3_000);
    run.accept(batchOf('b'));
    await clock.advance(2_000);
    expect(delivery.oldestAgeMs()).toBe(5_000);
    (await sink.nth(0)).acknowledge();
    await sink.nth(1);
    expect(delivery.oldestAgeMs()).toBe(2_000);
    run.abort('enough');
    await run.finish();
    expect(delivery.oldestAgeMs()).toBeUndefined();
  });

  test('without batches ends at once', async () => {
    const { delivery } = setUp();
    expect(await delivery.open(aRun, nothing).finish()).toMatchObject({
      acknowledged: 0,
      failure: undefined,
    });
  });

  test('goes on after a batch that is rejected, and says how much of it was', async () => {
    const { sink, delivery } = setUp();
    const run = delivery.open(aRun, nothing);
    for (const id of ['a', 'b', 'c']) run.accept(batchOf(id));
    (await sink.nth(0)).acknowledge();
    (await sink.nth(1)).fail(new SinkError('rejected', "Chunk ingestion failed: ['e1']"));
    (await sink.nth(2)).acknowledge();
    await run.reserve(1);
    run.accept(batchOf('d'));
    (await sink.nth(3)).acknowledge();
    expect(await run.finish()).toEqual({
      acknowledged: 6,
      batches: 3,
      bytes: 30,
      failure: "2 of 8 entities rejected: Chunk ingestion failed: ['e1']",
      isPassing: false,
      isLeft: false,
    });
    expect(await isPending(run.failed)).toBe(true);
    expect(delivery.snapshot()).toMatchObject({ ...empty, letters: 1, rejectedEntities: 2 });
  });

  test('fails at once where nothing can be sent, and drops the rest', async () => {
    const { sink, delivery, clock } = setUp();
    const run = delivery.open(aRun, nothing);
    for (const id of ['a', 'b', 'c']) run.accept(batchOf(id));
    (await sink.nth(0)).acknowledge();
    (await sink.nth(1)).fail(new SinkError('fatal', 'no such method'));
    expect(await run.failed).toBe('no such method');
    run.accept(batchOf('d'));
    await expect(run.reserve(1)).rejects.toThrow('no such method');
    expect(await run.finish()).toMatchObject({ acknowledged: 2, failure: 'no such method' });
    expect(sink.sends).toHaveLength(2);
    expect(delivery.totals()).toEqual(empty);
    expect(clock.pending).toBe(0);
  });

  test("keeps its policy's secrets out of what is noted of the receiver's words", async () => {
    const { sink, delivery } = setUp();
    const redact = (text: string): string => text.replaceAll('hunter2', '***');
    const run = delivery.open({ ...aRun, redact }, nothing);
    run.accept(batchOf('a'));
    (await sink.nth(0)).fail(new SinkError('rejected', "no site 'hunter2'"));
    expect(await run.finish()).toMatchObject({ failure: "2 of 2 entities rejected: no site '***'" });
    const [receipt] = await delivery.receipts('run-1');
    const [letter] = await delivery.letters.list({
      policy: undefined,
      runId: 'run-1',
      limit: 1,
      after: undefined,
    });
    expect([receipt?.lastError, letter?.reason]).toEqual(["no site '***'", "no site '***'"]);
  });

  test('says when all that was accepted is acknowledged, again and again, and when it will not be', async () => {
    const { sink, delivery } = setUp();
    const run = delivery.open(aRun, nothing);
    await run.kept();
    for (const index of [0, 1]) {
      run.accept(batchOf(`batch-${index}`));
      const kept = run.kept();
      const send = await sink.nth(index);
      expect(await isPending(kept)).toBe(true);
      send.acknowledge();
      await kept;
    }
    run.accept(batchOf('c'));
    const refused = expect(run.kept()).rejects.toThrow('2 of 6 entities rejected: no');
    (await sink.nth(2)).fail(new SinkError('rejected', 'no'));
    await refused;
    run.accept(batchOf('d'));
    const aborted = expect(run.kept()).rejects.toThrow('cancelled');
    run.abort('cancelled');
    await aborted;
  });

  test('makes a dead letter of what a sink stumbles over', async () => {
    const { sink, delivery } = setUp();
    const run = delivery.open(aRun, nothing);
    run.accept(batchOf('a'));
    (await sink.nth(0)).fail(new TypeError('no such thing'));
    expect(await run.finish()).toMatchObject({ failure: '2 of 2 entities rejected: no such thing' });
  });

  test('that is given up ends its call and forgets the rest', async () => {
    const { sink, delivery } = setUp();
    const run = delivery.open(aRun, nothing);
    run.accept(batchOf('a'));
    run.accept(batchOf('b'));
    const send = await sink.nth(0);
    run.abort('cancelled');
    run.abort('again');
    expect(send.signal.aborted).toBe(true);
    expect(await run.finish()).toMatchObject({ acknowledged: 0, failure: 'cancelled' });
    expect(await isPending(run.failed)).toBe(true);
    expect(delivery.totals()).toEqual(empty);
  });

  test('that is given up in the moment of its acknowledgement counts it', async () => {
    const { sink, delivery } = setUp();
    const run = delivery.open(aRun, nothing);
    run.accept(batchOf('a'));
    (await sink.nth(0)).acknowledge();
    run.abort('cancelled');
    expect(await run.finish()).toMatchObject({ acknowledged: 2, failure: 'cancelled' });
  });

  test('that has finished is not given up any more', async () => {
    const { delivery } = setUp();
    const run = delivery.open(aRun, nothing);
    const outcome = run.finish();
    run.abort('too late');
    expect(await outcome).toMatchObject({ acknowledged: 0, failure: undefined });
    expect(await run.finish()).toMatchObject({ acknowledged: 0, failure: undefined });
  });
});

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

describe('several runs', () => {
  test('send side by side, at most so many calls at once, and take turns', async () => {
    const { sink, delivery } = setUp({ maxCalls: 2 });
    const runs = ['x', 'y', 'z'].map((name) => {
      const run = delivery.open(aRun, nothing);
      for (const index of [1, 2, 3]) run.accept(batchOf(`${name}${index}`));
      return run;
    });
    for (let index = 0; index < 9; index += 1) {
      const send = await sink.nth(index);
      expect(sink.underWay).toBeLessThanOrEqual(2);
      send.acknowledge();
      await isPending(Promise.resolve());
    }
    expect(sink.sends.map(({ batch }) => batch.id)).toEqual([
      'x1',
      'y1',
      'z1',
      'x2',
      'y2',
      'z2',
      'x3',
      'y3',
      'z3',
    ]);
    for (const run of runs) expect(await run.finish()).toMatchObject({ acknowledged: 6 });
  });

  test('do not suffer from one that fails', async () => {
    const { sink, delivery } = setUp();
    const bad = delivery.open(aRun, nothing);
    const good = delivery.open(aRun, nothing);
    bad.accept(batchOf('a'));
    good.accept(batchOf('b'));
    (await sink.nth(0)).fail(new SinkError('rejected', 'no'));
    (await sink.nth(1)).acknowledge();
    expect(await bad.finish()).toMatchObject({ acknowledged: 0, failure: '2 of 2 entities rejected: no' });
    expect(await good.finish()).toMatchObject({ acknowledged: 2, failure: undefined });
  });
});

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
});

describe('stopping', () => {
  test('gives up what is left, says how much, and leaves no timer', async () => {
    const { sink, delivery, clock } = setUp();
    const waiting = delivery.open(aRun, nothing);
    const sending = delivery.open(aRun, nothing);
    waiting.accept(batchOf('a', 10));
    sending.accept(batchOf('b', 20));
    sending.accept(batchOf('c', 30));
    await sink.nth(1);
    sink.sends[0]?.fail(unavailable('away'));
    await expect.poll(() => clock.pending).toBe(1);
    const reserving = expect(sending.reserve(2 ** 40)).rejects.toThrow('the daemon is stopping');
    expect(delivery.totals()).toEqual({ waitingBatches: 3, waitingBytes: 60, waitingEntities: 6 });
    expect((await delivery.stop()).lost).toEqual({ waitingBatches: 3, waitingBytes: 60, waitingEntities: 6 });
    await reserving;
    expect(await sending.failed).toBe('the daemon is stopping');
    expect(await sending.finish()).toMatchObject({ acknowledged: 0, failure: 'the daemon is stopping' });
    expect(clock.pending).toBe(0);
    expect(delivery.totals()).toEqual(empty);
  });

  test('does not count as lost what was acknowledged in the last moment', async () => {
    const { sink, delivery } = setUp();
    const run = delivery.open(aRun, nothing);
    run.accept(batchOf('a', 10));
    run.accept(batchOf('b', 20));
    (await sink.nth(0)).acknowledge();
    expect((await delivery.stop()).lost).toEqual({ waitingBatches: 1, waitingBytes: 20, waitingEntities: 2 });
    expect(await run.finish()).toMatchObject({ acknowledged: 2 });
  });

  test('with nothing to do is over at once, and nothing begins after it', async () => {
    const { sink, delivery } = setUp();
    expect((await delivery.stop()).lost).toEqual(empty);
    const run = delivery.open(aRun, nothing);
    await expect(run.reserve(1)).rejects.toThrow('the daemon is stopping');
    run.accept(batchOf('a'));
    expect(await run.finish()).toMatchObject({ acknowledged: 0, failure: 'the daemon is stopping' });
    expect(sink.sends).toEqual([]);
  });
});
