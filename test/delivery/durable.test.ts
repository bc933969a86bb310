import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { createDelivery, type DeliveryOptions } from '../../src/delivery/create-delivery.ts';
import { type Batch, SinkError } from '../../src/sink/contract.ts';
import type { State } from '../../src/state/contract.ts';
import { open, temporaryDirectory } from '../state/support.ts';
import { HeldClock } from '../support/held-clock.ts';
import { batchOfNames, namesIn } from './picky-receiver.ts';
import { HeldSink, isPending, unavailable } from './support.ts';

const MIB = 1024 * 1024;
/** What is older is not kept for long. */
const START = Date.now();
const nothing = (): void => undefined;
const empty = { waitingBatches: 0, waitingBytes: 0, waitingEntities: 0 };
const edge = { runId: 'run-1', policy: 'edge' };
const log = pino({ level: 'silent' });

/** One life of a daemon's delivery on this state. */
function live(state: State, changes: Partial<DeliveryOptions> = {}) {
  const sink = new HeldSink();
  const clock = new HeldClock(START);
  const delivery = createDelivery({ sink, clock, log, store: state.batches, random: () => 1, ...changes });
  return { sink, clock, delivery };
}

function batchNamed(name: string, runId = 'run-1'): Batch {
  return batchOfNames([name], runId);
}

/** The names of entities in call number `index`, which is acknowledged. */
async function acknowledge(sink: HeldSink, index: number): Promise<string[]> {
  const send = await sink.nth(index);
  send.acknowledge();
  return namesIn(send.batch.bytes);
}

test('what waits when the daemon stops is delivered by its next life, under the same request ids and in order', async () => {
  const directory = temporaryDirectory();
  const state = await open(directory);
  const first = live(state);
  const run = first.delivery.open(edge, nothing);
  const batches = ['a', 'b', 'c'].map((name) => batchNamed(name));
  for (const batch of batches) {
    await run.reserve(10);
    run.accept(batch);
  }
  await run.kept();
  expect(await acknowledge(first.sink, 0)).toEqual(['a']);
  await first.sink.nth(1);
  const outcome = run.finish();
  const report = await first.delivery.stop();
  expect(report).toMatchObject({ lost: empty, left: { waitingBatches: 2, waitingEntities: 2 } });
  expect(await outcome).toMatchObject({ acknowledged: 1, isLeft: true });
  await state.close();

  const again = await open(directory);
  const { sink, delivery, clock } = live(again);
  await clock.advance(60_000);
  expect(await delivery.restore()).toEqual([edge]);
  const told: number[] = [];
  const resumed = delivery.resume(edge, (entities) => told.push(entities));
  const end = resumed.finish();
  expect(delivery.snapshot()).toMatchObject({ waitingBatches: 2, oldestAgeMs: 60_000 });
  expect(await isPending(end)).toBe(true);
  expect(sink.sends).toEqual([]);
  delivery.release();
  expect(await acknowledge(sink, 0)).toEqual(['b']);
  expect(await acknowledge(sink, 1)).toEqual(['c']);
  expect(await end).toMatchObject({ acknowledged: 3, batches: 3, failure: undefined, isLeft: false });
  expect(told).toEqual([1, 1]);
  expect(sink.sends.map(({ batch }) => batch.id)).toEqual(batches.slice(1).map(({ id }) => id));
  expect(sink.sends[0]?.batch.run).toEqual(batches[1]?.run);
  const receipts = await delivery.receipts('run-1');
  expect(receipts.map(({ id, outcome }) => [id, outcome])).toEqual(
    batches.map(({ id }) => [id, 'acknowledged']),
  );
});

test('a run that nobody resumes is delivered all the same, and one without anything left says what it came to', async () => {
  const state = await open(temporaryDirectory());
  const first = live(state);
  for (const runId of ['run-1', 'run-2']) {
    const run = first.delivery.open({ runId, policy: 'edge' }, nothing);
    run.accept(batchNamed(runId, runId));
    await run.kept();
  }
  await acknowledge(first.sink, 0);
  await first.delivery.stop();

  const { sink, delivery } = live(state);
  expect(await delivery.restore()).toEqual([{ runId: 'run-2', policy: 'edge' }]);
  const done = delivery.resume(edge, nothing).finish();
  delivery.release();
  expect(await done).toMatchObject({ acknowledged: 1, batches: 1, failure: undefined });
  expect(await acknowledge(sink, 0)).toEqual(['run-2']);
  await expect.poll(() => delivery.totals()).toEqual(empty);
});

test('an outcome counts what earlier lives had rejected', async () => {
  const state = await open(temporaryDirectory());
  const first = live(state);
  const run = first.delivery.open(edge, nothing);
  run.accept(batchOfNames(['a', 'b', 'c'], 'run-1'));
  run.accept(batchNamed('d'));
  const refusal = { of: 'named' as const, entities: [{ index: 1, words: 'b is bad' }], othersTaken: true };
  (await first.sink.nth(0)).fail(new SinkError('rejected', 'bad', { refusal }));
  await first.sink.nth(1);
  await first.delivery.stop();

  const { sink, delivery } = live(state);
  await delivery.restore();
  const end = delivery.resume(edge, nothing).finish();
  delivery.release();
  await acknowledge(sink, 0);
  expect(await end).toMatchObject({ acknowledged: 3, failure: '1 of 4 entities rejected: bad' });
});

test('a receiver that is away is tried again for as long as it takes, and what a wrong configuration refuses waits', async () => {
  const state = await open(temporaryDirectory());
  const { sink, delivery, clock } = live(state);
  const run = delivery.open(edge, nothing);
  run.accept(batchNamed('a'));
  let tries = 0;
  for (let minutes = 0; minutes < 60; minutes++) {
    for (; tries < sink.sends.length; tries++) sink.sends[tries]?.fail(unavailable('away'));
    await clock.advance(60_000);
    await sink.nth(tries);
  }
  (await sink.nth(tries)).fail(new SinkError('fatal', 'no such client'));
  await expect
    .poll(() => delivery.of('run-1'))
    .toMatchObject({
      waitingBatches: 1,
      lastError: { at: clock.now(), message: 'no such client' },
      nextTryAt: clock.now() + 30_000,
    });
  await clock.advance(30_000);
  expect(await acknowledge(sink, tries + 1)).toEqual(['a']);
  expect(await run.finish()).toMatchObject({ acknowledged: 1, failure: undefined });
  const [receipt] = await delivery.receipts('run-1');
  expect(receipt).toMatchObject({ tries: tries + 2, outcome: 'acknowledged', lastError: 'no such client' });
  expect(receipt?.keptAt).toBeDefined();
});

test('an hour of runs for a receiver that is away costs it few calls, and all arrive when it is back', async () => {
  const state = await open(temporaryDirectory());
  const { sink, delivery, clock } = live(state, { maxMemoryBytes: 2 * MIB });
  const outcomes: Promise<unknown>[] = [];
  let answered = 0;
  const answer = (how: 'acknowledge' | 'refuse'): void => {
    for (; answered < sink.sends.length; answered++) {
      if (how === 'acknowledge') sink.sends[answered]?.acknowledge();
      else sink.sends[answered]?.fail(unavailable('away'));
    }
  };
  for (let minute = 0; minute < 60; minute++) {
    for (let index = 0; index < 10; index++) {
      const runId = `run-${minute}-${index}`;
      const run = delivery.open({ runId, policy: 'edge' }, nothing);
      await run.reserve(50_000);
      run.accept(batchNamed(runId.padEnd(50_000), runId));
      outcomes.push(run.finish());
    }
    for (let seconds = 0; seconds < 60; seconds += 5) {
      answer('refuse');
      await clock.advance(5_000);
    }
  }
  expect(sink.sends.length).toBeLessThan(150);
  expect(delivery.snapshot()).toMatchObject({ waitingBatches: 600, lastError: { message: 'away' } });
  expect(delivery.snapshot().oldestAgeMs).toBe(3_600_000);
  while (delivery.totals().waitingBatches > 0) {
    answer('acknowledge');
    await clock.advance(30_000);
  }
  for (const outcome of outcomes)
    expect(await outcome).toMatchObject({ acknowledged: 1, failure: undefined });
}, 30_000);

test('a run that is given up is forgotten on disk, too', async () => {
  const state = await open(temporaryDirectory());
  const { sink, delivery } = live(state);
  const run = delivery.open(edge, nothing);
  for (const name of ['a', 'b']) run.accept(batchNamed(name));
  await run.kept();
  await sink.nth(0);
  run.abort('cancelled');
  expect(await run.finish()).toMatchObject({ failure: 'cancelled', isLeft: false });
  expect(await state.batches.found()).toEqual([]);
  const receipts = await delivery.receipts('run-1');
  expect(receipts.map(({ outcome, lastError }) => [outcome, lastError])).toEqual([
    ['dropped', 'cancelled'],
    ['dropped', 'cancelled'],
  ]);
});

test('what is encoded for another kind of sink waits and is counted', async () => {
  const state = await open(temporaryDirectory());
  const first = live(state);
  const run = first.delivery.open(edge, nothing);
  run.accept(batchNamed('a'));
  await run.kept();
  await first.delivery.stop();

  const other = new HeldSink('json');
  const second = live(state, { sink: other });
  await second.delivery.restore();
  second.delivery.release();
  await second.clock.advance(60_000);
  expect(second.delivery.snapshot()).toMatchObject({ waitingBatches: 1, misfits: 1, nextTryAt: undefined });
  expect(other.sends).toEqual([]);
  expect(await second.delivery.stop()).toMatchObject({ left: { waitingBatches: 1 } });

  const third = live(state);
  await third.delivery.restore();
  third.delivery.release();
  expect(await acknowledge(third.sink, 0)).toEqual(['a']);
  expect(third.delivery.snapshot().misfits).toBe(0);
});

test('stopping sends on for as long as it may', async () => {
  const state = await open(temporaryDirectory());
  const { sink, delivery, clock } = live(state);
  const run = delivery.open(edge, nothing);
  for (const name of ['a', 'b', 'c']) run.accept(batchNamed(name));
  await run.kept();
  const stopped = delivery.stop(1_000);
  await acknowledge(sink, 0);
  await acknowledge(sink, 1);
  await sink.nth(2);
  expect(await isPending(stopped)).toBe(true);
  await clock.advance(1_000);
  expect(await stopped).toMatchObject({ lost: empty, left: { waitingBatches: 1 } });
  expect(await delivery.stop()).toMatchObject({ left: { waitingBatches: 1 } });
  expect(clock.pending).toBe(0);
});

test('a run that is done when the daemon stops, in the last moment even, is not left', async () => {
  const state = await open(temporaryDirectory());
  const { sink, delivery } = live(state);
  const done = delivery.resume(edge, nothing).finish();
  const run = delivery.open({ runId: 'run-2', policy: 'edge' }, nothing);
  run.accept(batchNamed('a', 'run-2'));
  const last = run.finish();
  const send = await sink.nth(0);
  send.acknowledge();
  expect(await delivery.stop()).toEqual({ lost: empty, left: empty });
  expect(await done).toMatchObject({ acknowledged: 0, failure: undefined, isLeft: false });
  expect(await last).toMatchObject({ acknowledged: 1, failure: undefined, isLeft: false });
});

describe('room', () => {
  test('is bounded on disk: backends are held back until there is some', async () => {
    const state = await open(temporaryDirectory(), { bounds: { dataMaxBytes: 4 * MIB } });
    const { sink, delivery, clock } = live(state);
    const run = delivery.open(edge, nothing);
    let accepted = 0;
    const produce = async (): Promise<void> => {
      for (; accepted < 40; accepted++) {
        await run.reserve(256 * 1024);
        run.accept(batchNamed(`${accepted}`.padEnd(256 * 1024)));
      }
    };
    const produced = produce();
    await expect.poll(() => delivery.totals().waitingBatches, { timeout: 10_000 }).toBeGreaterThan(5);
    await expect.poll(() => clock.pending, { timeout: 10_000 }).toBe(1);
    expect(accepted).toBeLessThan(20);
    const names: string[] = [];
    for (let index = 0; index < 40; index++) {
      names.push(...(await acknowledge(sink, index)));
      await clock.advance(60_000);
    }
    await produced;
    expect(await run.finish()).toMatchObject({ acknowledged: 40, failure: undefined });
    expect(names.map(Number)).toEqual(Array.from({ length: 40 }, (_, index) => index));
  }, 30_000);

  test('in memory is bounded, whatever waits on disk', async () => {
    const state = await open(temporaryDirectory());
    const { sink, delivery } = live(state, { maxMemoryBytes: 8 * MIB });
    const before = process.memoryUsage().arrayBuffers;
    const runs = Array.from({ length: 5 }, (_, index) =>
      delivery.open({ runId: `run-${index}`, policy: 'edge' }, nothing),
    );
    for (let index = 0; index < 100; index++) {
      const run = runs[index % runs.length] ?? expect.fail('no run');
      await run.reserve(MIB);
      run.accept(batchNamed(`${index}`.padEnd(MIB), `run-${index % runs.length}`));
    }
    for (const run of runs) await run.kept();
    await expect
      .poll(() => {
        globalThis.gc?.();
        return process.memoryUsage().arrayBuffers - before;
      })
      .toBeLessThan(40 * MIB);
    expect(delivery.totals().waitingBytes).toBeGreaterThan(100 * MIB);
    const outcomes = runs.map((run) => run.finish());
    const names: number[] = [];
    for (let index = 0; index < 100; index++) names.push(...(await acknowledge(sink, index)).map(Number));
    for (const outcome of outcomes) expect(await outcome).toMatchObject({ acknowledged: 20 });
    expect(new Set(names).size).toBe(100);
    for (let lane = 0; lane < 5; lane++) {
      const own = names.filter((name) => name % 5 === lane);
      expect(own).toEqual(own.toSorted((a, b) => a - b));
    }
  }, 30_000);
});
