import { describe, expect, test } from 'vitest';
import { CrashBackoff } from '../../src/backend/crash-backoff.ts';
import { HeldClock } from '../support/held-clock.ts';

function crashed(times: number, backoff: CrashBackoff): void {
  for (let count = 0; count < times; count++) backoff.crashed('exited with status 3');
}

describe('a package', () => {
  test('that crashed four times in a row need not wait', () => {
    const backoff = new CrashBackoff(new HeldClock());
    crashed(4, backoff);
    expect([backoff.restMs, backoff.current]).toEqual([0, undefined]);
  });

  test('waits after the fifth crash, twice as long with each that follows, and never more than five minutes', async () => {
    const clock = new HeldClock();
    const backoff = new CrashBackoff(clock);
    crashed(4, backoff);
    for (const seconds of [5, 10, 20, 40, 80, 160, 300, 300]) {
      crashed(1, backoff);
      expect(backoff.current?.until).toBe(clock.now() + seconds * 1_000);
      await clock.advance(seconds * 1_000 - 1);
      expect(backoff.restMs).toBe(1);
      await clock.advance(1);
      expect([backoff.restMs, backoff.current]).toEqual([0, undefined]);
    }
  });

  test('says why', () => {
    const backoff = new CrashBackoff(new HeldClock());
    crashed(4, backoff);
    expect(backoff.crashed('killed by SIGABRT')?.reason).toBe(
      'its process crashed 5 times in a row, the last time: killed by SIGABRT',
    );
  });

  test('is trusted again as soon as a run of it has ended well', () => {
    const backoff = new CrashBackoff(new HeldClock());
    crashed(6, backoff);
    backoff.recovered();
    expect(backoff.current).toBe(undefined);
    crashed(4, backoff);
    expect(backoff.restMs).toBe(0);
  });
});
