import { constants, type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks';
import { getHeapSpaceStatistics } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { Events } from '../src/events.ts';
import { giveBackAtRest } from '../src/give-back-at-rest.ts';
import { HeldClock } from './support/held-clock.ts';

function newEvents(): Events {
  return new Events((_name, fault) => {
    throw fault;
  });
}

const apply = (events: Events): void => events.emit('policy:applied', { policy: 'edge', backend: 'idle' });

test('garbage is looked for once after a burst of changes, when that is over', async () => {
  const clock = new HeldClock();
  const events = newEvents();
  const lookedAt: number[] = [];
  const end = giveBackAtRest(clock, events, () => lookedAt.push(clock.monotonic()));
  await clock.advance(60_000);
  for (let change = 0; change < 10; change++) {
    apply(events);
    await clock.advance(1_000);
  }
  expect(lookedAt).toEqual([]);
  await clock.advance(60_000);
  expect(lookedAt).toEqual([60_000 + 9_000 + 1_500]);
  events.emit('policy:deleted', { policy: 'edge' });
  await clock.advance(60_000);
  expect(lookedAt).toHaveLength(2);
  end();
});

test('nothing is looked for, and no timer left, once it was ended', async () => {
  const clock = new HeldClock();
  const events = newEvents();
  const end = giveBackAtRest(clock, events, () => expect.fail('garbage was looked for'));
  apply(events);
  end();
  apply(events);
  expect(clock.pending).toBe(0);
  await clock.advance(60_000);
});

test('V8 looks at a young generation that has grown, and other code cannot make it do that', async () => {
  const clock = new HeldClock();
  const events = newEvents();
  const end = giveBackAtRest(clock, events);
  const grown = growYoung();
  const looked = forcedLook();
  apply(events);
  await clock.advance(2_000);
  expect(await looked).toBe(constants.NODE_PERFORMANCE_GC_MINOR);
  expect(grown.length).toBeGreaterThan(0);
  expect(runInNewContext('typeof gc')).toBe('undefined');
  end();
});

/** Holds on to so much that is new that the young generation is worth a look. */
function growYoung(): object[] {
  const kept: object[] = [];
  const young = (): number =>
    getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')?.space_size ?? 0;
  while (young() <= 8 * 2 ** 20) for (let more = 0; more < 10_000; more++) kept.push({ more });
  return kept;
}

/** Resolves with the kind of the next garbage collection that somebody asked for. */
function forcedLook(): Promise<number> {
  return new Promise((resolve) => {
    const observer = new PerformanceObserver((list) => {
      const forced = list.getEntries().find((entry) => (flagsOf(entry).flags & FORCED) !== 0);
      if (forced === undefined) return;
      observer.disconnect();
      resolve(flagsOf(forced).kind);
    });
    observer.observe({ entryTypes: ['gc'] });
  });
}

const FORCED = constants.NODE_PERFORMANCE_GC_FLAGS_FORCED;

function flagsOf(entry: PerformanceEntry): { readonly kind: number; readonly flags: number } {
  return (entry as PerformanceEntry & { readonly detail: { kind: number; flags: number } }).detail;
}
