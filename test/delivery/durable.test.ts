import { expect, test } from 'vitest';
import { SinkError } from '../../src/sink/contract.ts';
import { open, temporaryDirectory } from '../state/support.ts';
import { acknowledge, batchNamed, live } from './lives.ts';
import { batchOfNames } from './picky-receiver.ts';
import { aRun, empty, HeldSink, isPending, nothing } from './support.ts';

test('what waits when the daemon stops is delivered by its next life, under the same request ids and in order', async () => {
  const directory = temporaryDirectory();
  const state = await open(directory);
  const first = live(state);
  const run = first.delivery.open(aRun, nothing);
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
  expect(await delivery.restore()).toEqual([aRun]);
  const told: number[] = [];
  const resumed = delivery.resume(aRun, (entities) => told.push(entities));
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
  const done = delivery.resume(aRun, nothing).finish();
  delivery.release();
  expect(await done).toMatchObject({ acknowledged: 1, batches: 1, failure: undefined });
  expect(await acknowledge(sink, 0)).toEqual(['run-2']);
  await expect.poll(() => delivery.totals()).toEqual(empty);
});

test('an outcome counts what earlier lives had rejected', async () => {
  const state = await open(temporaryDirectory());
  const first = live(state);
  const run = first.delivery.open(aRun, nothing);
  run.accept(batchOfNames(['a', 'b', 'c'], 'run-1'));
  run.accept(batchNamed('d'));
  const refusal = { of: 'named' as const, entities: [{ index: 1, words: 'b is bad' }], othersTaken: true };
  (await first.sink.nth(0)).fail(new SinkError('rejected', 'bad', { refusal }));
  await first.sink.nth(1);
  await first.delivery.stop();

  const { sink, delivery } = live(state);
  await delivery.restore();
  const end = delivery.resume(aRun, nothing).finish();
  delivery.release();
  await acknowledge(sink, 0);
  expect(await end).toMatchObject({ acknowledged: 3, failure: '1 of 4 entities rejected: bad' });
});

test('a run that is given up is forgotten on disk, too', async () => {
  const state = await open(temporaryDirectory());
  const { sink, delivery } = live(state);
  const run = delivery.open(aRun, nothing);
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
  const run = first.delivery.open(aRun, nothing);
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
  const run = delivery.open(aRun, nothing);
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
  const done = delivery.resume(aRun, nothing).finish();
  const run = delivery.open({ runId: 'run-2', policy: 'edge' }, nothing);
  run.accept(batchNamed('a', 'run-2'));
  const last = run.finish();
  const send = await sink.nth(0);
  send.acknowledge();
  expect(await delivery.stop()).toEqual({ lost: empty, left: empty });
  expect(await done).toMatchObject({ acknowledged: 0, failure: undefined, isLeft: false });
  expect(await last).toMatchObject({ acknowledged: 1, failure: undefined, isLeft: false });
});
