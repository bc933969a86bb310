import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../src/clock.ts';

describe('a moment of the host clock', () => {
  test('is not called before it is there', async () => {
    for (const aheadMs of [1, 2, 3, 10, 25]) {
      const at = Date.now() + aheadMs;
      await new Promise<void>((resolve) => systemClock.at(at, resolve));
      expect(Date.now()).toBeGreaterThanOrEqual(at);
    }
  });

  test('that is past is called soon, but not at once', async () => {
    let isCalled = false;
    const called = new Promise<void>((resolve) =>
      systemClock.at(Date.now() - 1_000, () => {
        isCalled = true;
        resolve();
      }),
    );
    expect(isCalled).toBe(false);
    await called;
  });

  test('is not called once it was cancelled, however near it was', async () => {
    for (const cancelledAfterMs of [0, 1, 4, 5, 6]) {
      let calls = 0;
      const timer = systemClock.at(Date.now() + 6, () => calls++);
      if (cancelledAfterMs > 0) await pause(cancelledAfterMs);
      timer.cancel();
      const before = calls;
      await pause(10);
      expect(calls).toBe(before);
    }
  });
});
