import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BackendHost } from '../../src/backend/host.ts';
import { openWarmHost } from '../run/support.ts';
import { HeldClock } from '../support/held-clock.ts';
import { HOUR, heldLives, hourly, MINUTE, NOON, only } from './lives.ts';

// Moments of a schedule that passed while the daemon was down, or its machine slept.

let host: BackendHost;

beforeAll(async () => {
  host = await openWarmHost();
});

afterAll(() => host.stop());

describe('moments that passed while the daemon was down', () => {
  async function backAfter(ms: number, run: object = {}): Promise<readonly object[]> {
    const { lives, at } = heldLives(host);
    await using _ = lives;
    await (await lives.begin({ clock: at(0) })).apply({ edge: { ...hourly, run } });
    await lives.kill();
    const clock = at(ms);
    const second = await lives.begin({ clock });
    await second.awake();
    for (const opened of second.opened('edge')) await second.finished(opened);
    return second.opened('edge').map(({ status, reason, dueAt, trigger }) => ({
      status,
      reason,
      trigger,
      hoursLate: (dueAt - NOON + 30_000) / HOUR,
    }));
  }

  test('none: nothing is run', async () => {
    expect(await backAfter(30 * MINUTE)).toEqual([]);
  });

  test('are run once, as the latest of them', async () => {
    expect(await backAfter(7 * HOUR + 10 * MINUTE)).toEqual([
      { status: 'completed', reason: '', trigger: 'cron', hoursLate: 7 },
    ]);
  });

  test('are skipped when that is later than the window', async () => {
    expect(await backAfter(HOUR + 20 * MINUTE, { misfire_window: '10m' })).toEqual([
      {
        status: 'skipped',
        reason: 'missed: due 20m30s ago, while the daemon was down; misfire_window is 10m',
        trigger: 'cron',
        hoursLate: 1,
      },
    ]);
  });

  test('are skipped where the policy says so', async () => {
    expect(await backAfter(HOUR, { misfire: 'skip' })).toMatchObject([
      { status: 'skipped', reason: 'missed: due 30s ago, while the daemon was down; misfire is skip' },
    ]);
  });

  test('are not run again by the life after that', async () => {
    const { lives, at } = heldLives(host);
    await using _ = lives;
    await (await lives.begin({ clock: at(0) })).apply({ edge: hourly });
    await lives.kill();
    const second = await lives.begin({ clock: at(HOUR) });
    await second.awake();
    await second.finished(only(second.opened('edge')));
    await lives.kill();
    const third = await lives.begin({ clock: at(HOUR + MINUTE) });
    await third.awake();
    expect(third.opened('edge')).toEqual([]);
  });
});

describe('a clock that was set back while the daemon was down', () => {
  /** When runs were due since the restart, in hours since the first life began, which had two. */
  async function dueSince(clock: HeldClock, work: () => Promise<void>): Promise<readonly number[]> {
    const { lives, at } = heldLives(host);
    await using _ = lives;
    const before = at(0);
    const first = await lives.begin({ clock: before });
    await first.apply({ edge: hourly });
    await before.advance(2 * HOUR);
    for (const run of first.opened('edge')) await first.finished(run);
    expect(first.opened('edge')).toHaveLength(2);
    await lives.kill();
    const second = await lives.begin({ clock });
    await second.awake();
    await work();
    for (const run of second.opened('edge')) await second.finished(run);
    return second.opened('edge').map(({ dueAt }) => (dueAt - NOON + 30_000) / HOUR);
  }

  test('by a little: no moment is run twice', async () => {
    const clock = new HeldClock(NOON + 40 * MINUTE);
    expect(await dueSince(clock, () => clock.advance(3 * HOUR))).toEqual([3]);
  });

  test('by a lot, it was wrong before: no moment is waited for until it comes again', async () => {
    const clock = new HeldClock(NOON - 24 * HOUR);
    expect(await dueSince(clock, () => clock.advance(3 * HOUR))).toEqual([-23, -22, -21]);
  });

  test('and is set right later: what has been run is not missed', async () => {
    const years = 50 * 365 * 24 * HOUR;
    const clock = new HeldClock(NOON - years);
    const setRight = async (): Promise<void> => {
      clock.jump(years + 2 * HOUR + 20 * MINUTE);
      await clock.advance(10_000);
    };
    expect(await dueSince(clock, setRight)).toEqual([]);
  });
});

describe('moments that passed while the machine slept', () => {
  test.each([
    ['run_once', 'completed', ''],
    [
      'skip',
      'skipped',
      'missed: due 59m30s ago, while the machine slept or before its clock was set; misfire is skip',
    ],
  ])('%s: %s', async (misfire, status, reason) => {
    const { lives, at } = heldLives(host);
    await using _ = lives;
    const clock = at(0);
    const policies = await lives.begin({ clock });
    await policies.apply({ edge: { ...hourly, run: { misfire } } });
    clock.jump(5 * HOUR + 59 * MINUTE - 10_000);
    await clock.advance(10_000);
    const run = await policies.finished(only(policies.opened('edge')));
    expect(run).toMatchObject({ status, reason, dueAt: NOON + 5 * HOUR - 30_000 });
  });
});
