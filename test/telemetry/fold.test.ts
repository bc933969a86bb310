import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Fold } from '../../src/telemetry/fold.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { HeldClock } from '../support/held-clock.ts';
import { Lines } from './lines.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

function setUp(): { clock: HeldClock; fold: Fold; lines: Lines; write: (key: string, run?: number) => void } {
  const clock = new HeldClock();
  const fold = new Fold(clock);
  const lines = new Lines();
  const log = createLog({ level: 'info', format: 'text', destination: lines });
  return { clock, fold, lines, write: (key, run = 0) => fold.write(log.child({ run }), 'error', key, key) };
}

test('a line that repeats is written once, and then once a minute with how often it came', async () => {
  const { clock, fold, lines, write } = setUp();
  write('down', 1);
  expect(lines.take()).toEqual(['ERROR: down run=1']);
  for (let run = 2; run <= 60; run += 1) {
    await clock.advance(SECOND);
    write('down', run);
  }
  expect(lines.take()).toEqual([]);
  await clock.advance(SECOND);
  expect(lines.take()).toEqual(['ERROR: down (59 more times) run=60']);
  write('down', 61);
  await clock.advance(MINUTE);
  expect(lines.take()).toEqual(['ERROR: down (1 more time) run=61']);
  fold.stop();
});

test('a line that came once is forgotten after a minute, and its timer with it', async () => {
  const { clock, lines, write } = setUp();
  write('down');
  await clock.advance(MINUTE);
  expect(clock.pending).toBe(0);
  write('down');
  expect(lines.take()).toEqual(['ERROR: down run=0', 'ERROR: down run=0']);
});

test('different lines do not hide each other, and share one timer', async () => {
  const { clock, lines, write } = setUp();
  write('a');
  await clock.advance(SECOND);
  write('b');
  write('a');
  expect(clock.pending).toBe(1);
  await clock.advance(MINUTE - SECOND);
  expect(lines.take()).toEqual(['ERROR: a run=0', 'ERROR: b run=0', 'ERROR: a (1 more time) run=0']);
  await clock.advance(MINUTE);
  expect(lines.take()).toEqual([]);
  expect(clock.pending).toBe(0);
});

test('a stop tells what was not told yet and leaves no timer', () => {
  const { clock, fold, lines, write } = setUp();
  for (const key of ['a', 'b', 'a', 'a']) write(key);
  lines.take();
  fold.stop();
  expect(lines.take()).toEqual(['ERROR: a (2 more times) run=0']);
  expect(clock.pending).toBe(0);
});

test('it remembers ten thousand lines and tells the oldest before it forgets it', () => {
  const { clock, lines, write } = setUp();
  write('first');
  write('first');
  for (let n = 1; n < 10_000; n += 1) write(`line ${n}`);
  lines.take();
  write('one too many');
  expect(lines.take()).toEqual(['ERROR: first (1 more time) run=0', 'ERROR: one too many run=0']);
  write('first');
  expect(lines.take()).toEqual(['ERROR: first run=0']);
  expect(clock.pending).toBe(1);
});

test('whenever they come, all occurrences are accounted for and none waits longer than a minute', async () => {
  const step = fc.record({
    key: fc.constantFrom('a', 'b', 'c'),
    waitMs: fc.constantFrom(0, 1, 20 * SECOND, MINUTE),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const { clock, lines, write } = setUp();
      for (const { key, waitMs } of steps) {
        write(key);
        await clock.advance(waitMs);
      }
      await clock.advance(2 * MINUTE);
      expect(clock.pending).toBe(0);
      const told = { a: 0, b: 0, c: 0 };
      for (const line of lines.take()) {
        const [, key, more] = /^ERROR: ([abc])(?: \((\d+) more times?\))? run=0$/.exec(line) ?? [];
        told[key as keyof typeof told] += more === undefined ? 1 : Number(more);
      }
      for (const key of ['a', 'b', 'c'] as const) {
        expect(told[key]).toBe(steps.filter((each) => each.key === key).length);
      }
    }),
    { numRuns: 50 },
  );
});
