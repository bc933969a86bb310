import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compileCron } from '../../src/trigger/cron.ts';
import { latestMoment } from '../../src/trigger/latest-moment.ts';

/** A day before clocks go forward in Europe. */
const NOON = Date.UTC(2026, 2, 28, 12);
const HOUR = 3_600_000;

const latest = (expression: string, zone: string, after: number, until: number): number | undefined =>
  latestMoment(compileCron(expression, zone), after, until);

test('it is the last that is not after the end', () => {
  expect(latest('0 * * * *', 'UTC', NOON, NOON + 3 * HOUR)).toBe(NOON + 3 * HOUR);
  expect(latest('0 * * * *', 'UTC', NOON, NOON + 3 * HOUR - 1)).toBe(NOON + 2 * HOUR);
});

test('there is none where nothing was due in between, or the clock was set back', () => {
  expect(latest('0 * * * *', 'UTC', NOON, NOON + HOUR - 1)).toBeUndefined();
  expect(latest('0 * * * *', 'UTC', NOON + HOUR, NOON)).toBeUndefined();
});

test('it is found at once among very many', () => {
  const years = 10 * 365 * 24 * HOUR;
  const begunAt = performance.now();
  expect(latest('* * * * * *', 'UTC', NOON, NOON + years + 999)).toBe(NOON + years);
  expect(latest('*/5 9-17 * * mon-fri', 'Europe/Berlin', NOON, NOON + years)).toBeDefined();
  expect(performance.now() - begunAt).toBeLessThan(1_000);
});

test('it is what following moment by moment comes to, also where clocks change', () => {
  const expression = fc.constantFrom(
    '*/7 * * * *',
    '30 2 * * *',
    '0 */6 * * *',
    '15 3 * * sun',
    '*/45 30 1-3 * * *',
  );
  const zone = fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kathmandu');
  const gap = fc.integer({ min: 0, max: 60 * HOUR });
  fc.assert(
    fc.property(
      expression,
      zone,
      fc.integer({ min: 0, max: 24 * HOUR }),
      gap,
      (text, zoneName, start, gapMs) => {
        const cron = compileCron(text, zoneName);
        const after = NOON + start;
        let followed: number | undefined;
        for (let next = cron.nextAfter(after); next !== undefined && next <= after + gapMs; ) {
          followed = next;
          next = cron.nextAfter(next);
        }
        expect(latestMoment(cron, after, after + gapMs)).toBe(followed);
      },
    ),
  );
});
