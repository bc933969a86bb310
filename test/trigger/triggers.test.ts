import { expect, test } from 'vitest';
import { compileCron } from '../../src/trigger/cron.ts';
import { CronTrigger } from '../../src/trigger/cron-trigger.ts';
import { OnceTrigger } from '../../src/trigger/once-trigger.ts';
import { Schedule } from '../../src/trigger/schedule.ts';
import { HeldClock } from '../support/held-clock.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

function start(expression?: string): {
  clock: HeldClock;
  fired: number[];
  trigger: CronTrigger | OnceTrigger;
  startedAt: number;
} {
  const clock = new HeldClock(Date.UTC(2026, 0, 1, 12));
  const schedule = new Schedule(clock);
  const trigger =
    expression === undefined
      ? new OnceTrigger(schedule, clock)
      : new CronTrigger(schedule, clock, compileCron(expression, 'UTC'));
  const fired: number[] = [];
  const startedAt = clock.now();
  trigger.start((dueAt) => fired.push(dueAt - startedAt));
  return { clock, fired, trigger, startedAt };
}

test('a schedule fires at second 0 of each of its minutes, and says when it fires next', async () => {
  const { clock, fired, trigger, startedAt } = start('*/5 * * * *');
  expect(trigger.next()).toBe(startedAt + 5 * MINUTE);
  await clock.advance(12 * MINUTE);
  expect(fired).toEqual([5 * MINUTE, 10 * MINUTE]);
  expect(trigger.next()).toBe(startedAt + 15 * MINUTE);
});

test('a stopped schedule fires no more and keeps no timer', async () => {
  const { clock, fired, trigger } = start('* * * * *');
  await clock.advance(MINUTE);
  trigger.stop();
  trigger.stop();
  expect(trigger.next()).toBeUndefined();
  expect(clock.pending).toBe(0);
  await clock.advance(5 * MINUTE);
  expect(fired).toEqual([MINUTE]);
});

test('a clock that was hours ahead when it was set back is not waited for', async () => {
  const { clock, fired } = start('0 * * * *');
  await clock.advance(HOUR + MINUTE);
  clock.jump(-10 * HOUR);
  await clock.advance(HOUR);
  expect(fired).toEqual([HOUR, -8 * HOUR]);
});

test('a clock that is set back by an hour makes no hourly run twice', async () => {
  const { clock, fired } = start('0 * * * *');
  await clock.advance(HOUR + MINUTE);
  clock.jump(-HOUR);
  await clock.advance(2 * HOUR);
  expect(fired).toEqual([HOUR, 2 * HOUR]);
});

test('a policy without a schedule fires once, one second after it was started', async () => {
  const { clock, fired, trigger, startedAt } = start();
  expect(trigger.next()).toBe(startedAt + 1_000);
  await clock.advance(999);
  expect(fired).toEqual([]);
  await clock.advance(1);
  expect(fired).toEqual([1_000]);
  expect(trigger.next()).toBeUndefined();
  await clock.advance(HOUR);
  expect(fired).toEqual([1_000]);
  expect(clock.pending).toBe(0);
});

test('a policy without a schedule that is stopped within its second does not fire', async () => {
  const { clock, fired, trigger } = start();
  trigger.stop();
  expect(clock.pending).toBe(0);
  await clock.advance(HOUR);
  expect(fired).toEqual([]);
});

test.each([HOUR, -HOUR])('the one second is a second even when the clock is set by %d ms', async (jumpMs) => {
  const { clock, fired } = start();
  await clock.advance(500);
  clock.jump(jumpMs);
  await clock.advance(499);
  expect(fired).toHaveLength(0);
  await clock.advance(1);
  expect(fired).toHaveLength(1);
});

test('what is added after the clock was set is not moved by that', async () => {
  const clock = new HeldClock();
  const schedule = new Schedule(clock);
  const hourly = new CronTrigger(schedule, clock, compileCron('0 * * * *', 'UTC'));
  hourly.start(() => {});
  clock.jump(10 * MINUTE);
  const fired: number[] = [];
  const once = new OnceTrigger(schedule, clock);
  once.start((dueAt) => fired.push(dueAt));
  await clock.advance(1_000);
  expect(fired).toHaveLength(1);
  hourly.stop();
  expect(clock.pending).toBe(0);
});
