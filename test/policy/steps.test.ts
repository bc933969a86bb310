import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { atOnce, inSlices, type Steps } from '../../src/policy/steps.ts';
import { Slices } from '../../src/run/slices.ts';
import { documentOf, Policies } from './policies.ts';

const SLICE_MS = 5;

/** Works for about this long, a millisecond in a step. */
function* work(ms: number): Steps<string> {
  for (let step = 0; step < ms; step++) {
    yield;
    const endsAt = performance.now() + 1;
    while (performance.now() < endsAt);
  }
  return 'done';
}

/** How often the event loop turns until `promise` settles. */
async function turnsUntil(promise: Promise<unknown>): Promise<number> {
  let isOver = false;
  const over = promise.finally(() => {
    isOver = true;
  });
  let turns = 0;
  for (; !isOver; turns++) await nextTurn();
  await over;
  return turns;
}

describe('work in steps', () => {
  test('is done at once, or a slice at a time', async () => {
    expect(atOnce(work(3))).toBe('done');
    const slices = new Slices(systemClock, SLICE_MS);
    const turns = await turnsUntil(inSlices(work(60), slices));
    expect(turns).toBeGreaterThan(60 / SLICE_MS / 2);
    expect(await inSlices(work(2), slices)).toBe('done');
  });

  test('of several takes turns: the short one does not wait for the long one', async () => {
    const slices = new Slices(systemClock, SLICE_MS);
    const order: string[] = [];
    const long = inSlices(work(200), slices).then(() => order.push('long'));
    const short = inSlices(work(3), slices).then(() => order.push('short'));
    await Promise.all([long, short]);
    expect(order).toEqual(['short', 'long']);
  });

  test('throws what is wrong', async () => {
    function* broken(): Steps<never> {
      yield;
      throw new RangeError('wrong');
    }
    expect(() => atOnce(broken())).toThrow('wrong');
    await expect(inSlices(broken(), new Slices(systemClock, SLICE_MS))).rejects.toThrow('wrong');
  });
});

test('a document of 2,000 schedules lets the event loop turn while it is applied', async () => {
  await using policies = new Policies();
  await policies.apply({ warm: { schedule: '0 0 1 1 *' } });
  const document = documentOf(
    Object.fromEntries(
      Array.from({ length: 2_000 }, (_, index) => [
        `p${index}`,
        { schedule: `${index % 60} ${Math.floor(index / 60) % 24} 1 1 *` },
      ]),
    ),
  );
  const turns = await turnsUntil(policies.registry.apply(document, 'loopback'));
  expect(turns).toBeGreaterThan(20);
  expect(policies.registry.size).toBe(2_001);
});
