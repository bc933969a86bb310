import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { type Appointment, type Entry, Schedule } from '../../src/trigger/schedule.ts';
import { HeldClock } from '../support/held-clock.ts';

/** Due every `periodMs`, or once; tells what is fired. */
class Probe implements Appointment {
  readonly #fired: (dueAt: number) => void;
  readonly #periodMs: number | undefined;

  constructor(fired: (dueAt: number) => void, periodMs?: number) {
    this.#fired = fired;
    this.#periodMs = periodMs;
  }

  fire(dueAt: number): void {
    this.#fired(dueAt);
  }

  nextAfter(epochMs: number): number | undefined {
    const period = this.#periodMs;
    return period === undefined ? undefined : (Math.floor(epochMs / period) + 1) * period;
  }

  dueAfterJump(dueAt: number): number {
    return dueAt;
  }
}

describe('order', () => {
  test('what is due is fired by its moment, then in the order it was added', async () => {
    const clock = new HeldClock(0);
    const schedule = new Schedule(clock);
    const fired: string[] = [];
    const add = (name: string, dueAt: number): Entry =>
      schedule.add(new Probe(() => fired.push(name)), dueAt);
    add('late', 3_000);
    add('first', 1_000);
    add('second', 1_000);
    add('early', 500);
    add('third', 1_000);
    await clock.advance(2_000);
    expect(fired).toEqual(['early', 'first', 'second', 'third']);
    await clock.advance(1_000);
    expect(fired.at(-1)).toBe('late');
  });

  test('the order stays the same at every moment', async () => {
    const clock = new HeldClock(0);
    const schedule = new Schedule(clock);
    const fired: number[] = [];
    for (let index = 0; index < 50; index++) {
      schedule.add(new Probe(() => fired.push(index), 1_000), 1_000);
    }
    await clock.advance(3_000);
    const once = Array.from({ length: 50 }, (_, index) => index);
    expect(fired).toEqual([...once, ...once, ...once]);
  });

  test('each is told the moment it was due', async () => {
    const clock = new HeldClock(0);
    const schedule = new Schedule(clock);
    const fired: number[] = [];
    schedule.add(new Probe((dueAt) => fired.push(dueAt), 60_000), 60_000);
    await clock.advance(150_000);
    expect(fired).toEqual([60_000, 120_000]);
  });
});

describe('many at once', () => {
  test('10,000 due in the same second are all fired, and leave one timer', async () => {
    const clock = new HeldClock(0);
    const schedule = new Schedule(clock);
    const fired: number[] = [];
    for (let index = 0; index < 10_000; index++) {
      schedule.add(new Probe(() => fired.push(index), 60_000), 60_000);
    }
    expect(clock.pending).toBe(1);
    await clock.advance(60_000);
    expect(fired).toEqual(Array.from({ length: 10_000 }, (_, index) => index));
    expect(clock.pending).toBe(1);
    expect(schedule.heapSize).toBe(10_000);
  });

  test('the event loop turns every few milliseconds of firing', async () => {
    const clock = new HeldClock(0);
    const schedule = new Schedule(clock);
    const firedAtTurn: number[] = [];
    let turn = 0;
    let firing = 0;
    for (let index = 0; index < 100; index++) {
      const probe = new Probe(() => {
        clock.pass(1);
        firing++;
        firedAtTurn[turn] = (firedAtTurn[turn] ?? 0) + 1;
      });
      schedule.add(probe, 1_000);
    }
    await clock.advance(1_000);
    while (firing < 100) {
      turn++;
      await nextTurn();
    }
    expect(Math.max(...firedAtTurn.slice(1))).toBeLessThanOrEqual(3);
    await nextTurn();
    expect(schedule.size).toBe(0);
  });

  test('all that is due is fired before any next moment is computed', async () => {
    const clock = new HeldClock(0);
    const schedule = new Schedule(clock);
    const steps: string[] = [];
    class Slow extends Probe {
      override nextAfter(epochMs: number): number | undefined {
        steps.push('computed');
        return super.nextAfter(epochMs);
      }
    }
    for (let index = 0; index < 3; index++) {
      schedule.add(new Slow(() => steps.push('fired'), 1_000), 1_000);
    }
    await clock.advance(1_000);
    expect(steps).toEqual(['fired', 'fired', 'fired', 'computed', 'computed', 'computed']);
  });
});

test('a moment that passes while next moments are computed is not lost', async () => {
  const clock = new HeldClock(0);
  const schedule = new Schedule(clock);
  /** Its next moment takes as long to compute as those of thousands of expressions. */
  class Slow extends Probe {
    override nextAfter(epochMs: number): number | undefined {
      clock.pass(1_200);
      return super.nextAfter(epochMs);
    }
  }
  const first: number[] = [];
  const second: number[] = [];
  schedule.add(new Slow((dueAt) => first.push(dueAt), 10_000), 10_000);
  schedule.add(new Slow((dueAt) => second.push(dueAt), 1_000), 10_000);
  await clock.advance(10_000);
  while (second.length < 2) await clock.advance(100);
  expect(second.slice(0, 2)).toEqual([10_000, 11_000]);
  expect(first).toEqual([10_000]);
});

describe('removing', () => {
  test('what was removed is not fired', async () => {
    const clock = new HeldClock(0);
    const schedule = new Schedule(clock);
    const fired: string[] = [];
    const entry = schedule.add(new Probe(() => fired.push('removed')), 1_000);
    schedule.add(new Probe(() => fired.push('kept')), 1_000);
    schedule.remove(entry);
    schedule.remove(entry);
    await clock.advance(2_000);
    expect(fired).toEqual(['kept']);
  });

  test('one that removes itself while it is fired is not due again', async () => {
    const clock = new HeldClock(0);
    const schedule = new Schedule(clock);
    const fired: number[] = [];
    const entry = schedule.add(
      new Probe((dueAt) => {
        fired.push(dueAt);
        schedule.remove(entry);
      }, 1_000),
      1_000,
    );
    await clock.advance(5_000);
    expect(fired).toEqual([1_000]);
    expect(schedule.size).toBe(0);
    expect(clock.pending).toBe(0);
  });

  test('adding and removing for ever keeps nothing', () => {
    const clock = new HeldClock(0);
    const schedule = new Schedule(clock);
    schedule.add(new Probe(() => {}), 1_000_000);
    for (let round = 0; round < 5_000; round++) {
      const entry = schedule.add(new Probe(() => {}), 1_000 + round);
      schedule.remove(entry);
      expect(schedule.heapSize).toBeLessThanOrEqual(70);
    }
    expect(schedule.size).toBe(1);
    expect(clock.pending).toBe(1);
  });

  test('without appointments there is no timer', async () => {
    const clock = new HeldClock(0);
    const schedule = new Schedule(clock);
    const entry = schedule.add(new Probe(() => {}), 1_000);
    schedule.add(new Probe(() => {}), 500);
    expect(clock.pending).toBe(1);
    await clock.advance(600);
    schedule.remove(entry);
    expect(clock.pending).toBe(0);
  });
});

describe('when the wall clock is set', () => {
  test('forward over several moments: each fires once', async () => {
    const clock = new HeldClock(0);
    const schedule = new Schedule(clock);
    const fired: number[] = [];
    schedule.add(new Probe((dueAt) => fired.push(dueAt), 60_000), 60_000);
    await clock.advance(1_000);
    clock.jump(600_500);
    await clock.advance(10_000);
    expect(fired).toEqual([60_000]);
    await clock.advance(60_000);
    expect(fired).toEqual([60_000, 660_000]);
  });

  test('forward while it waits for a moment far away: noticed within ten seconds', async () => {
    const clock = new HeldClock(0);
    const schedule = new Schedule(clock);
    const fired: number[] = [];
    schedule.add(new Probe((dueAt) => fired.push(dueAt)), 30 * 86_400_000);
    await clock.advance(86_400);
    clock.jump(30 * 86_400_000);
    await clock.advance(10_000);
    expect(fired).toEqual([30 * 86_400_000]);
  });

  test('back: no moment fires twice', async () => {
    const clock = new HeldClock(0);
    const schedule = new Schedule(clock);
    const fired: number[] = [];
    schedule.add(new Probe((dueAt) => fired.push(dueAt), 60_000), 60_000);
    await clock.advance(120_500);
    clock.jump(-90_000);
    await clock.advance(120_000);
    expect(fired).toEqual([60_000, 120_000]);
    await clock.advance(30_000);
    expect(fired).toEqual([60_000, 120_000, 180_000]);
  });
});

test('on the real clock, 10,000 in the same moment are fired in a tenth of a second of work', async () => {
  const schedule = new Schedule(systemClock);
  const dueAt = systemClock.now() + 200;
  const usage = await new Promise<NodeJS.CpuUsage>((resolve) => {
    let fired = 0;
    let before: NodeJS.CpuUsage | undefined;
    const probe = new Probe(() => {
      before ??= process.cpuUsage();
      if (++fired === 10_000) resolve(process.cpuUsage(before));
    });
    for (let index = 0; index < 10_000; index++) schedule.add(probe, dueAt);
  });
  expect(systemClock.now()).toBeGreaterThanOrEqual(dueAt);
  expect((usage.user + usage.system) / 1000).toBeLessThan(100);
});
