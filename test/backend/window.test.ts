import { beforeEach, describe, expect, test } from 'vitest';
import { HandOutWindow } from '../../src/backend/window.ts';
import { HeldClock } from '../support/held-clock.ts';

describe('a hand-out window', () => {
  let clock: HeldClock;
  let window: HandOutWindow;

  beforeEach(() => {
    clock = new HeldClock();
    window = new HandOutWindow(clock);
  });

  /** Hands out as much as the window allows; returns how many. */
  function fill(): number {
    let runs = 0;
    for (; window.isOpen; runs++) window.handed(clock.monotonic());
    return runs;
  }

  function answer(runs: number): boolean {
    return window.answered(runs, clock.monotonic());
  }

  test('doubles with each prompt answer', async () => {
    const handed: number[] = [];
    for (let turn = 0; turn < 6; turn++) {
      const runs = fill();
      handed.push(runs);
      await clock.advance(1);
      expect(answer(runs)).toBe(true);
      expect(window.isBusy(clock.monotonic())).toBe(false);
    }
    expect(handed).toEqual([1, 2, 4, 8, 16, 32]);
  });

  test('begins anew after a rest', async () => {
    for (let turn = 0; turn < 6; turn++) {
      const runs = fill();
      await clock.advance(1);
      answer(runs);
    }
    await clock.advance(1_000);
    expect(fill()).toBe(1);
  });

  test('shrinks when an answer comes late, and says so until one is prompt', async () => {
    answer(fill());
    expect(fill()).toBe(2);
    await clock.advance(2);
    expect(window.isBusy(clock.monotonic())).toBe(false);
    await clock.advance(30);
    expect(window.isBusy(clock.monotonic())).toBe(true);
    answer(2);
    expect(window.isBusy(clock.monotonic())).toBe(true);
    expect(fill()).toBe(1);
    await clock.advance(1);
    answer(1);
    expect(window.isBusy(clock.monotonic())).toBe(false);
  });

  test('takes no answer for late that lay there while the daemon was at work', () => {
    answer(fill());
    expect(fill()).toBe(2);
    clock.pass(30);
    answer(2);
    expect(window.isBusy(clock.monotonic())).toBe(false);
    expect(fill()).toBe(4);
  });

  test('knows a child that may never answer again', async () => {
    expect(window.isStuck(1e9)).toBe(false);
    fill();
    await clock.advance(9_000);
    expect(window.isStuck(clock.monotonic())).toBe(false);
    await clock.advance(2_000);
    expect(window.isStuck(clock.monotonic())).toBe(true);
  });

  test('takes no answer for more than was handed out', () => {
    fill();
    expect(answer(2)).toBe(false);
  });
});
