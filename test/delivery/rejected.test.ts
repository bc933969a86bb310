import fc from 'fast-check';
import { type Logger, pino } from 'pino';
import { describe, expect, test } from 'vitest';
import type { BatchStore } from '../../src/delivery/batch-store.ts';
import type { DeliveryOutcome } from '../../src/delivery/contract.ts';
import { createDelivery } from '../../src/delivery/create-delivery.ts';
import { createMemoryBatchStore } from '../../src/delivery/memory-batch-store.ts';
import { open, temporaryDirectory } from '../state/support.ts';
import { batchOfNames, HastyClock, type Manners, namesIn, PickyReceiver } from './picky-receiver.ts';

const ALL = { policy: undefined, runId: undefined, limit: 100_000, after: undefined };
const silent = pino({ level: 'silent' });

interface Delivered {
  readonly receiver: PickyReceiver;
  readonly outcome: DeliveryOutcome;
  readonly letters: readonly { readonly names: readonly string[]; readonly reason: string }[];
}

/** One run of these batches, to its end. */
async function deliver(
  batches: readonly (readonly string[])[],
  manners: Manners,
  store: BatchStore = createMemoryBatchStore(),
  log: Logger = silent,
): Promise<Delivered> {
  const receiver = new PickyReceiver(manners);
  const delivery = createDelivery({ sink: receiver, clock: new HastyClock(), log, store, retryForMs: 1e12 });
  const runId = crypto.randomUUID();
  const run = delivery.open({ runId, policy: 'edge' }, () => undefined);
  for (const names of batches) {
    const batch = batchOfNames(names, runId);
    await run.reserve(batch.bytes.length);
    run.accept(batch);
  }
  const outcome = await run.finish();
  const letters = await delivery.letters.list({ ...ALL, runId });
  const opened = await Promise.all(letters.map(({ id }) => delivery.letters.open(id)));
  expect(delivery.totals()).toEqual({ waitingBatches: 0, waitingBytes: 0, waitingEntities: 0 });
  return {
    receiver,
    outcome,
    letters: opened.flatMap((one) =>
      one === undefined ? [] : { names: namesIn(one.batch.bytes), reason: one.letter.reason },
    ),
  };
}

function namesOf(count: number, bad: readonly number[] = []): string[] {
  return Array.from({ length: count }, (_, index) => `${bad.includes(index) ? 'bad' : 'good'}-${index}`);
}

test('entities that the receiver names become letters with its words, and the others are counted', async () => {
  const { outcome, letters, receiver } = await deliver([namesOf(5_000, [7, 8, 4_999])], {
    refusing: 'named',
  });
  expect(outcome).toMatchObject({
    acknowledged: 4_997,
    failure: '3 of 5,000 entities rejected: bad-7 is bad and so on',
  });
  expect(letters).toEqual([
    { names: ['bad-7'], reason: 'bad-7 is bad' },
    { names: ['bad-8'], reason: 'bad-8 is bad' },
    { names: ['bad-4999'], reason: 'bad-4999 is bad' },
  ]);
  expect(receiver.calls).toHaveLength(1);
});

test('of very many that it names one letter is made', async () => {
  const names = namesOf(
    500,
    Array.from({ length: 200 }, (_, index) => index),
  );
  const { outcome, letters } = await deliver([names], { refusing: 'named' });
  expect(outcome.acknowledged).toBe(300);
  expect(letters).toEqual([{ names: names.slice(0, 200), reason: 'bad-0 is bad and so on' }]);
});

test.each(['unnamed', 'first'] as const)(
  'a batch that is not taken is sent in parts under new ids until those at fault stand alone: %s',
  async (refusing) => {
    const { outcome, letters, receiver } = await deliver([namesOf(5_000, [0, 2_500, 4_999])], { refusing });
    expect(outcome).toMatchObject({ acknowledged: 4_997 });
    expect(outcome.failure).toMatch(/^3 of 5,000 entities rejected: /);
    expect(letters.map(({ names }) => names).sort()).toEqual([['bad-0'], ['bad-2500'], ['bad-4999']]);
    expect(new Set(receiver.calls.map(({ id }) => id)).size).toBe(receiver.calls.length);
    expect(receiver.calls.length).toBeLessThan(90);
  },
);

test('the log says what is the same of many letters once', async () => {
  const lines: string[] = [];
  const log = pino({ level: 'warn' }, { write: (line) => lines.push(JSON.parse(line).msg) });
  const bad = Array.from({ length: 30 }, (_, index) => index * 33);
  const { letters } = await deliver([namesOf(1_000, bad)], { refusing: 'first' }, undefined, log);
  expect(letters).toHaveLength(30);
  expect(lines).toEqual([
    expect.stringMatching(
      /^Policy edge: 1 of \d+ entities in batch .* are dead letters: bad-0 is bad and so on$/,
    ),
  ]);
});

test('a batch of which nothing is ever taken is given up after a few parts', async () => {
  const names = namesOf(5_000).map((name) => `bad-${name}`);
  const { outcome, letters, receiver } = await deliver([names, ['good']], { refusing: 'unnamed' });
  expect(outcome).toMatchObject({ acknowledged: 1 });
  expect(receiver.calls).toHaveLength(16);
  expect(letters).toHaveLength(8);
  expect(letters.flatMap((letter) => letter.names)).toEqual(names);
});

test('a batch with something bad in all of its eighths but one is cut on', async () => {
  const bad = Array.from({ length: 13 }, (_, index) => index * 67);
  const { letters } = await deliver([namesOf(1_000, bad)], { refusing: 'unnamed' });
  expect(letters.flatMap(({ names }) => names).sort()).toEqual(bad.map((index) => `bad-${index}`).sort());
});

test('a batch that is bad through and through does not cost a call for each of its entities', async () => {
  const bad = Array.from({ length: 1_000 }, (_, index) => 2 * index + 1);
  const { letters, receiver, outcome } = await deliver([namesOf(2_000, [...bad, 0].slice(1))], {
    refusing: 'unnamed',
  });
  expect(receiver.calls.length).toBeLessThan(1_100);
  const rejected = letters.reduce((sum, { names }) => sum + names.length, 0);
  expect(rejected + outcome.acknowledged).toBe(2_000);
});

test('what is too large is cut; an entity that is too large alone is a letter', async () => {
  const huge = `good-${'x'.repeat(2_000)}`;
  const { outcome, letters, receiver } = await deliver([[...namesOf(100), huge, ...namesOf(100)]], {
    largest: 500,
  });
  expect(outcome).toMatchObject({
    acknowledged: 200,
    failure: '1 of 201 entities rejected: larger than max',
  });
  expect(letters).toEqual([{ names: [huge], reason: 'larger than max' }]);
  expect(receiver.taken).toHaveLength(200);
});

describe('whatever the receiver does', () => {
  const entities = fc.array(fc.constantFrom('good', 'good', 'good', 'bad'), { minLength: 1, maxLength: 40 });
  const scripts = fc.record({
    batches: fc.array(entities, { minLength: 1, maxLength: 4 }),
    refusing: fc.constantFrom('named' as const, 'first' as const, 'unnamed' as const),
    largest: fc.constantFrom(Number.POSITIVE_INFINITY, 8, 20, 100),
    moods: fc.array(fc.constantFrom('well' as const, 'away' as const, 'deaf' as const), { maxLength: 30 }),
  });
  type Script = typeof scripts extends fc.Arbitrary<infer Value> ? Value : never;

  async function isExact({ batches, ...manners }: Script, store: BatchStore): Promise<void> {
    let index = 0;
    const named = batches.map((batch) => batch.map((kind) => `${kind}-${index++}`));
    const { receiver, letters, outcome } = await deliver(named, manners, store);
    const found = [...receiver.taken, ...letters.flatMap(({ names }) => names)];
    expect(found.toSorted()).toEqual(named.flat().toSorted());
    expect(receiver.taken.filter((name) => name.startsWith('bad'))).toEqual([]);
    expect(outcome.acknowledged).toBe(receiver.taken.length);
    expect(outcome.failure === undefined).toBe(letters.length === 0);
  }

  test('each entity is taken exactly once, or is a letter (in memory)', async () => {
    await fc.assert(
      fc.asyncProperty(scripts, (script) => isExact(script, createMemoryBatchStore())),
      { numRuns: 300 },
    );
  });

  test('each entity is taken exactly once, or is a letter (on disk)', async () => {
    const state = await open(temporaryDirectory());
    await fc.assert(
      fc.asyncProperty(scripts, (script) => isExact(script, state.batches)),
      { numRuns: 40 },
    );
  }, 60_000);
});
