import { describe, expect, test } from 'vitest';
import { HandOutWindow } from '../../src/backend/window.ts';

/** Hands out as much as the window allows; returns how many. */
function fill(window: HandOutWindow, now: number): number {
  let runs = 0;
  for (; window.isOpen; runs++) window.handed(now);
  return runs;
}

describe('a hand-out window', () => {
  test('doubles with each prompt answer', () => {
    const window = new HandOutWindow();
    const handed: number[] = [];
    for (let now = 0; now < 6; now++) {
      const runs = fill(window, now);
      handed.push(runs);
      expect(window.answered(runs, now + 1)).toBe(true);
      expect(window.isBusy(now + 1)).toBe(false);
    }
    expect(handed).toEqual([1, 2, 4, 8, 16, 32]);
  });

  test('begins anew after a rest', () => {
    const window = new HandOutWindow();
    for (let now = 0; now < 6; now++) window.answered(fill(window, now), now + 1);
    expect(fill(window, 1_000)).toBe(1);
  });

  test('shrinks when an answer comes late, and says so until one is prompt', () => {
    const window = new HandOutWindow();
    window.answered(fill(window, 0), 1);
    expect(fill(window, 1)).toBe(2);
    expect(window.isBusy(3)).toBe(false);
    expect(window.isBusy(30)).toBe(true);
    window.answered(2, 30);
    expect(window.isBusy(30)).toBe(true);
    expect(fill(window, 30)).toBe(1);
    window.answered(1, 31);
    expect(window.isBusy(31)).toBe(false);
  });

  test('knows a child that may never answer again', () => {
    const window = new HandOutWindow();
    expect(window.isStuck(1e9)).toBe(false);
    window.handed(0);
    expect(window.isStuck(9_000)).toBe(false);
    expect(window.isStuck(11_000)).toBe(true);
  });

  test('takes no answer for more than was handed out', () => {
    const window = new HandOutWindow();
    window.handed(0);
    expect(window.answered(2, 1)).toBe(false);
  });
});
