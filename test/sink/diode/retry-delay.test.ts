import { expect, test } from 'vitest';
import { retryDelay } from '../../../src/sink/diode/retry-delay.ts';

const now = Date.UTC(2026, 0, 1, 12);

function delay(status: number, retryAfter: string | undefined, tries: number, random = 0): number {
  return retryDelay(
    { status, headers: { 'retry-after': retryAfter }, body: Buffer.alloc(0) },
    tries,
    now,
    random,
  );
}

test('1, 2, 4 s, and up to a quarter more, never past 30 s', () => {
  expect([1, 2, 3].map((tries) => delay(500, undefined, tries))).toEqual([1000, 2000, 4000]);
  expect(delay(500, undefined, 1, 1)).toBe(1250);
  expect(delay(500, undefined, 20, 1)).toBe(30_000);
});

test.each([
  ['7', 7000],
  ['0', 0],
  ['86400', 30_000],
  ['Thu, 01 Jan 2026 12:00:05 GMT', 5000],
  ['Thu, 01 Jan 2026 11:00:00 GMT', 0],
  ['-1', 1000],
  ['1.5', 1000],
  ['soon', 1000],
  ['', 1000],
])('Retry-After "%s" means %d ms', (value, ms) => {
  expect(delay(429, value, 1)).toBe(ms);
  expect(delay(503, value, 1)).toBe(ms);
});

test('Retry-After counts with 429 and 503 only', () => {
  expect(delay(500, '7', 1)).toBe(1000);
  expect(delay(502, '7', 1)).toBe(1000);
});
