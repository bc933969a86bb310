import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HeldLines } from '../../src/telemetry/held-lines.ts';

const DEBUG = 20;
const INFO = 30;
const WARN = 40;
const ERROR = 50;

/** Holds ten lines of ten characters. */
function tenLines(): HeldLines {
  return new HeldLines(100);
}

function line(name: string): string {
  return `${name.padEnd(9)}\n`;
}

function namesIn(held: HeldLines): string[] {
  return held
    .take(Number.POSITIVE_INFINITY)
    .split('\n')
    .slice(0, -1)
    .map((text) => text.trim());
}

describe('held lines', () => {
  test('come out in the order in which they came, some at a time', () => {
    const held = tenLines();
    for (const name of ['a', 'b', 'c']) expect(held.push(line(name), INFO)).toBe(0);
    expect(held.take(11)).toBe(line('a') + line('b'));
    expect(held.take(1)).toBe(line('c'));
    expect(held.isEmpty).toBe(true);
    expect(held.take(1)).toBe('');
  });

  test('a line that is less important than all others, or as important, goes itself', () => {
    const held = tenLines();
    for (let n = 0; n < 10; n += 1) held.push(line(`i${n}`), INFO);
    expect(held.push(line('d'), DEBUG)).toBe(1);
    expect(held.push(line('i'), INFO)).toBe(1);
    expect(namesIn(held)).toEqual(Array.from({ length: 10 }, (_, n) => `i${n}`));
  });

  test('the least important go first, of those the oldest, and the order stays', () => {
    const held = tenLines();
    for (const name of ['i1', 'd1', 'i2', 'd2', 'e1', 'd3', 'w1', 'i3', 'd4', 'd5']) {
      held.push(line(name), { d: DEBUG, i: INFO, w: WARN, e: ERROR }[name[0] ?? ''] ?? 0);
    }
    expect(held.push(line('e2'), ERROR)).toBe(1);
    expect(held.push(`${'e3'.padEnd(49)}\n`, ERROR)).toBe(5);
    expect(namesIn(held)).toEqual(['i2', 'e1', 'w1', 'i3', 'e2', 'e3']);
  });

  test('errors make room for nobody', () => {
    const held = tenLines();
    for (let n = 0; n < 10; n += 1) held.push(line(`e${n}`), ERROR);
    expect(held.push(line('late'), ERROR)).toBe(1);
    expect(namesIn(held)).toHaveLength(10);
  });

  test('whatever comes, the bound holds, nothing is counted twice, and order and errors stay', () => {
    const some = fc.record({
      level: fc.constantFrom(DEBUG, INFO, WARN, ERROR),
      length: fc.integer({ min: 1, max: 400 }),
    });
    fc.assert(
      fc.property(fc.array(some, { maxLength: 200 }), (lines) => {
        const held = new HeldLines(1_000);
        let dropped = 0;
        let errors = 0;
        for (const [index, { level, length }] of lines.entries()) {
          if (level === ERROR && errors + length > 500) continue;
          if (level === ERROR) errors += length;
          dropped += held.push(`${index}:${level}:`.padEnd(length, '.').concat('\n'), level);
        }
        const text = held.take(Number.POSITIVE_INFINITY);
        const kept = text
          .split('\n')
          .slice(0, -1)
          .map((kept) => kept.split(':').map(Number));
        const pushed = lines.filter(({ level }) => level !== ERROR).length;
        expect(text.length).toBeLessThanOrEqual(1_000);
        expect(kept.filter(([, level]) => level !== ERROR).length + dropped).toBe(pushed);
        expect(kept.map(([index]) => index)).toEqual(
          kept.map(([index]) => index).toSorted((a = 0, b = 0) => a - b),
        );
      }),
    );
  });
});
