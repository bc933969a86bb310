import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CronError, compileCron } from '../../src/trigger/cron.ts';

/** The next moments at which an expression fires after an ISO moment, as ISO moments without what is always zero. */
function firings(expression: string, timezone: string, after: string, count: number): string[] {
  const schedule = compileCron(expression, timezone);
  const found: string[] = [];
  let moment = Date.parse(after);
  while (found.length < count) {
    const next = schedule.nextAfter(moment);
    if (next === undefined) break;
    found.push(new Date(next).toISOString().replace(/(:00)?\.000Z$/, 'Z'));
    moment = next;
  }
  return found;
}

describe('what an expression means', () => {
  test.each([
    ['0 0 * * 7', ['2026-01-04T00:00Z', '2026-01-11T00:00Z']],
    ['0 0 * * 0', ['2026-01-04T00:00Z', '2026-01-11T00:00Z']],
    ['0 0 * * sun', ['2026-01-04T00:00Z', '2026-01-11T00:00Z']],
    ['0 3 * * 1-5', ['2026-01-01T03:00Z', '2026-01-02T03:00Z', '2026-01-05T03:00Z']],
    ['0 3 * * mon-fri', ['2026-01-01T03:00Z', '2026-01-02T03:00Z', '2026-01-05T03:00Z']],
    ['0 0 * * 5-7', ['2026-01-02T00:00Z', '2026-01-03T00:00Z', '2026-01-04T00:00Z', '2026-01-09T00:00Z']],
    ['0 0 13 * fri', ['2026-01-02T00:00Z', '2026-01-09T00:00Z', '2026-01-13T00:00Z', '2026-01-16T00:00Z']],
    ['5/10 * * * *', ['2026-01-01T00:05Z', '2026-01-01T00:15Z', '2026-01-01T00:25Z']],
    ['*/20 * * * *', ['2026-01-01T00:20Z', '2026-01-01T00:40Z', '2026-01-01T01:00Z']],
    ['30 15 0 * * *', ['2026-01-01T00:15:30Z', '2026-01-02T00:15:30Z']],
    ['@hourly', ['2026-01-01T01:00Z', '2026-01-01T02:00Z']],
    ['@daily', ['2026-01-02T00:00Z']],
    ['@midnight', ['2026-01-02T00:00Z']],
    ['@weekly', ['2026-01-04T00:00Z']],
    ['@monthly', ['2026-02-01T00:00Z']],
    ['@yearly', ['2027-01-01T00:00Z']],
    ['@Annually', ['2027-01-01T00:00Z']],
    ['0 0 L * *', ['2026-01-31T00:00Z', '2026-02-28T00:00Z']],
    ['0 0 * * fri#2', ['2026-01-09T00:00Z', '2026-02-13T00:00Z']],
    ['0 0 29 2 *', ['2028-02-29T00:00Z', '2032-02-29T00:00Z']],
    [' \t0  0 * jan *\n', ['2026-01-02T00:00Z']],
  ])('%j', (expression, expected) => {
    expect(firings(expression, 'UTC', '2026-01-01T00:00:00Z', expected.length)).toEqual(expected);
  });

  test('the next moment is later than the one given, down to the millisecond', () => {
    const everyTenSeconds = compileCron('*/10 * * * * *', 'UTC');
    expect(everyTenSeconds.nextAfter(9_999)).toBe(10_000);
    expect(everyTenSeconds.nextAfter(10_000)).toBe(20_000);
    expect(everyTenSeconds.nextAfter(10_001)).toBe(20_000);
    expect(everyTenSeconds.nextAfter(0)).toBe(10_000);
  });

  test('is read in the zone it was compiled for', () => {
    expect(firings('0 8 * * *', 'Asia/Tokyo', '2026-01-01T00:00:00Z', 1)).toEqual(['2026-01-01T23:00Z']);
    expect(firings('0 8 * * *', 'America/New_York', '2026-01-01T00:00:00Z', 1)).toEqual([
      '2026-01-01T13:00Z',
    ]);
  });
});

describe('when the clock is set forward, a fixed time in the gap fires right after it', () => {
  test.each([
    ['30 2 * * *', 'Europe/Berlin', '2026-03-28T12:00:00Z', ['2026-03-29T01:00Z', '2026-03-30T00:30Z']],
    ['30 2,14 * * *', 'Europe/Berlin', '2026-03-28T20:00:00Z', ['2026-03-29T01:00Z', '2026-03-29T12:30Z']],
    ['30 2 * * *', 'America/New_York', '2026-03-07T12:00:00Z', ['2026-03-08T07:00Z', '2026-03-09T06:30Z']],
    ['15 2 * * *', 'Australia/Lord_Howe', '2026-10-03T00:00:00Z', ['2026-10-03T15:30Z', '2026-10-04T15:15Z']],
  ])('%s in %s', (expression, timezone, after, expected) => {
    expect(firings(expression, timezone, after, expected.length)).toEqual(expected);
  });
});

describe('when the clock is set back, a fixed time in the repeated hour fires once', () => {
  test.each([
    ['30 2 * * *', 'Europe/Berlin', '2026-10-24T12:00:00Z', ['2026-10-25T00:30Z', '2026-10-26T01:30Z']],
    ['30 2,14 * * *', 'Europe/Berlin', '2026-10-24T20:00:00Z', ['2026-10-25T00:30Z', '2026-10-25T13:30Z']],
    ['30 1 * * *', 'America/New_York', '2026-10-31T12:00:00Z', ['2026-11-01T05:30Z', '2026-11-02T06:30Z']],
    ['45 1 * * *', 'Australia/Lord_Howe', '2026-04-04T00:00:00Z', ['2026-04-04T14:45Z', '2026-04-05T15:15Z']],
  ])('%s in %s', (expression, timezone, after, expected) => {
    expect(firings(expression, timezone, after, expected.length)).toEqual(expected);
  });
});

test('an interval goes on through a repeated hour and over a gap', () => {
  expect(firings('*/30 * * * *', 'Europe/Berlin', '2026-10-25T00:00:00Z', 4)).toEqual([
    '2026-10-25T00:30Z',
    '2026-10-25T01:00Z',
    '2026-10-25T01:30Z',
    '2026-10-25T02:00Z',
  ]);
  expect(firings('*/30 * * * *', 'Europe/Berlin', '2026-03-29T00:00:00Z', 3)).toEqual([
    '2026-03-29T00:30Z',
    '2026-03-29T01:00Z',
    '2026-03-29T01:30Z',
  ]);
});

describe('refused, with a message that quotes it', () => {
  test.each([
    ['', '0 fields'],
    ['   ', '0 fields'],
    ['abc', '1 field,'],
    ['* * * *', '4 fields'],
    ['* * * * * * *', '7 fields'],
    ['0 0 0 1 1 * 2030', '7 fields'],
    ['* * * * * * * *', '8 fields'],
    ['61 * * * *', 'minute'],
    ['60 * * * * *', 'second'],
    ['0 24 * * *', 'hour'],
    ['0 0 0 * *', 'day'],
    ['0 0 * 13 *', 'month'],
    ['0 0 * * 8', 'dayOfWeek'],
    ['*/0 * * * *', 'stepping'],
    ['-1 * * * *', 'range'],
    ['1, * * * *', 'empty'],
    ['0 0 * * fri-mon', 'larger'],
    ['0 22-4 * * *', 'larger'],
    ['0 0 * * 1#6', 'nth weekday'],
    ['0 0 * * sunday', 'stand alone'],
    ['１ * * * *', 'illegal'],
    ['@reboot', 'not supported'],
    ['@every 5m', '2 fields'],
    ['@nonsense', ''],
    ['@', ''],
    ['2031-01-01', '1 field,'],
    ['2031-01-01T00:00:00', '1 field,'],
    ['2031-01-01T00:00:00Z', '1 field,'],
    ['2031-01-01 00:00:00', '2 fields'],
    ['0 0 30 2 *', 'never fires'],
    ['0 0 31 2,4,6,9,11 *', 'never fires'],
    ['0 0 0 30 2 *', 'never fires'],
    ['305/7 4 * * *', 'never fires'],
    ['0 0 30W 2 *', 'never fires'],
  ])('%j', (expression, expected) => {
    const compile = (): unknown => compileCron(expression, 'UTC');
    expect(compile).toThrow(CronError);
    expect(compile).toThrow(`'${expression}'`);
    expect(compile).toThrow(expected);
  });

  test('an expression that is too long to be meant', () => {
    expect(() => compileCron(`${'1,'.repeat(100_000)}1 * * * *`, 'UTC')).toThrow(/at most 1000 characters/);
  });

  test('a zone that is none', () => {
    expect(() => compileCron('0 0 * * *', 'Europe/Atlantis')).toThrow(CronError);
  });
});

test('whatever is written either fires, later and later, or is refused as a CronError', () => {
  const field = fc.oneof(
    fc.constantFrom('*', '?', '*/5', '1-5', '0,30', '7', 'L', '15W', '1#2', 'mon', 'jan-mar', '5/10'),
    fc.stringMatching(/^[0-9*,/L#W?a-z-]{1,5}$/),
  );
  const expression = fc.oneof(
    fc.array(field, { minLength: 5, maxLength: 6 }).map((fields) => fields.join(' ')),
    fc.string(),
  );
  fc.assert(
    fc.property(expression, fc.integer({ min: 0, max: Date.UTC(2100, 0, 1) }), (text, moment) => {
      let schedule: ReturnType<typeof compileCron>;
      try {
        schedule = compileCron(text, 'Europe/Berlin');
      } catch (fault) {
        expect(fault).toBeInstanceOf(CronError);
        return;
      }
      const first = schedule.nextAfter(moment);
      if (first === undefined) throw new Error('compiled, and yet it never fires');
      expect(first).toBeGreaterThan(moment);
      expect(first % 1000).toBe(0);
      expect(schedule.nextAfter(first)).toBeGreaterThan(first);
      expect(schedule.nextAfter(moment)).toBe(first);
    }),
    { numRuns: 300 },
  );
});

test('many schedules at once give the same answers as each alone', () => {
  const minutes = Array.from({ length: 400 }, (_, index) => `${index % 60} ${Math.floor(index / 60)} * * *`);
  const schedules = minutes.map((expression) => compileCron(expression, 'UTC'));
  const midnight = Date.UTC(2026, 0, 1) - 1;
  for (const round of [0, 1]) {
    const start = midnight + round * 86_400_000;
    const found = schedules.map((schedule) => schedule.nextAfter(start));
    expect(found).toEqual(minutes.map((_, index) => start + 1 + index * 60_000));
  }
});
