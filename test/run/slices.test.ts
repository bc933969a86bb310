import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Slices } from '../../src/run/slices.ts';
import { HeldClock } from '../support/held-clock.ts';

const SLICE_MS = 2;

/** Does `pieces` pieces of work that come at once, each of which takes a millisecond. */
function workOn(slices: Slices, clock: HeldClock, pieces: number): number[] {
  const done: number[] = [];
  const doPiece = async (piece: number): Promise<void> => {
    const turn = slices.turn();
    if (turn) await turn;
    clock.pass(1);
    done.push(piece);
  };
  for (let piece = 0; piece < pieces; piece++) void doPiece(piece);
  return done;
}

test('work that fits into a slice is done at once', () => {
  const clock = new HeldClock();
  expect(workOn(new Slices(clock, SLICE_MS), clock, 2)).toEqual([0, 1]);
});

test('the event loop turns between slices, and the order stays', async () => {
  const clock = new HeldClock();
  const done = workOn(new Slices(clock, SLICE_MS), clock, 7);
  const seen = [done.length];
  while (done.length < 7) {
    await nextTurn();
    seen.push(done.length);
  }
  expect(done).toEqual([0, 1, 2, 3, 4, 5, 6]);
  expect(Math.max(...seen.map((count, index) => count - (seen[index - 1] ?? 0)))).toBeLessThanOrEqual(
    SLICE_MS,
  );
});

test('what comes while others wait is done after them', async () => {
  const clock = new HeldClock();
  const slices = new Slices(clock, SLICE_MS);
  const first = workOn(slices, clock, 5);
  const later = workOn(slices, clock, 1);
  while (first.length < 5) {
    expect(later).toEqual([]);
    await nextTurn();
  }
  while (later.length === 0) await nextTurn();
});
