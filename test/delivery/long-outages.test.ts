import { describe, expect, test } from 'vitest';
import { SinkError } from '../../src/sink/contract.ts';
import { open, temporaryDirectory } from '../state/support.ts';
import { acknowledge, batchNamed, live } from './lives.ts';
import { aRun, nothing, unavailable } from './support.ts';

const MIB = 1024 * 1024;

test('a receiver that is away is tried again for as long as it takes, and what a wrong configuration refuses waits', async () => {
  const state = await open(temporaryDirectory());
  const { sink, delivery, clock } = live(state);
  const run = delivery.open(aRun, nothing);
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

describe('room', () => {
  test('is bounded on disk: backends are held back until there is some', async () => {
    const state = await open(temporaryDirectory(), { bounds: { dataMaxBytes: 4 * MIB } });
    const { sink, delivery, clock } = live(state);
    const run = delivery.open(aRun, nothing);
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
