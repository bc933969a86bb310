import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseDuration } from '../../src/policy/duration.ts';

describe('a duration', () => {
  test.each([
    ['90s', 90_000],
    ['5m', 300_000],
    ['1h30m', 5_400_000],
    ['1d', 86_400_000],
    ['1d2h3m4s5ms', 93_784_005],
    ['500ms', 500],
    ['1.5h', 5_400_000],
    ['90', 90_000],
    ['0.5', 500],
    ['0', 0],
    ['0s', 0],
    [' 5m ', 300_000],
    [90, 90_000],
    [0.25, 250],
    [0, 0],
  ])('%j is %d ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  test.each([
    '',
    ' ',
    's',
    'x',
    '5x',
    '5 m',
    '-5m',
    '+5m',
    '5m1h',
    '5m5m',
    '1e3',
    '0x5',
    '1:30',
    '5M',
    '.5h',
    '5.h',
    'Infinity',
    '9'.repeat(20),
    `${'9'.repeat(400)}d`,
  ])('%j is none', (text) => {
    expect(() => parseDuration(text)).toThrow(RangeError);
  });

  test.each([-1, Number.NaN, Number.POSITIVE_INFINITY, 1e300])('the number %d is none', (number) => {
    expect(() => parseDuration(number)).toThrow('write 90s, 5m, 1h30m');
  });

  test('is the sum of its parts', () => {
    const part = fc.nat({ max: 10_000 });
    fc.assert(
      fc.property(part, part, part, (hours, minutes, seconds) => {
        expect(parseDuration(`${hours}h${minutes}m${seconds}s`)).toBe(
          hours * 3_600_000 + minutes * 60_000 + seconds * 1_000,
        );
      }),
    );
  });

  test('of any text is whole milliseconds or refused', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9.dhms]*$/)), (text) => {
        try {
          const ms = parseDuration(text);
          expect(Number.isSafeInteger(ms) && ms >= 0).toBe(true);
        } catch (fault) {
          expect(fault).toBeInstanceOf(RangeError);
        }
      }),
    );
  });
});
