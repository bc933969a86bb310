import { expect, test } from 'vitest';
import { count, table } from '../../../src/cli/commands/table.ts';

test('columns are as wide as what stands in them, numbers to the right', () => {
  expect(
    table(
      ['name', ' count'],
      [
        ['a', '5'],
        ['much longer', '12,345'],
      ],
    ),
  ).toBe(['name          count', 'a                 5', 'much longer  12,345'].join('\n'));
});

test('nothing in a cell breaks its line or steers the terminal', () => {
  expect(table(['reason'], [['\u001b[2Jtwo\nlines']])).toBe('reason\n\\u001b[2Jtwo\\nlines');
});

test('numbers can be read', () => {
  expect([0, 999, 1_234_567].map(count)).toEqual(['0', '999', '1,234,567']);
});
