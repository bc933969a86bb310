import { describe, expect, test } from 'vitest';
import { SinkError } from '../../src/sink/contract.ts';
import { aRun, batchOf, empty, isPending, nothing, setUp, unavailable } from './support.ts';

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

  test('does not count as lost what was given up earlier', async () => {
    const { sink, delivery } = setUp();
    const cancelled = delivery.open(aRun, nothing);
    cancelled.accept(batchOf('a', 10));
    await sink.nth(0);
    cancelled.abort('cancelled');
    expect(await cancelled.finish()).toMatchObject({ failure: 'cancelled' });
    expect((await delivery.stop()).lost).toEqual(empty);
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
