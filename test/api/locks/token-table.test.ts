import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Rights, TokenTable } from '../../../src/api/locks/token-table.ts';

test('the most that a token stands for counts, in whatever order they were given', () => {
  const both = [
    { token: 'both', rights: 'read' },
    { token: 'both', rights: 'full' },
  ] as const;
  expect(new TokenTable(both).rightsOf('both')).toBe('full');
  expect(new TokenTable(both.toReversed()).rightsOf('both')).toBe('full');
});

test('nothing but a whole token opens anything', () => {
  const tokens = fc.array(fc.tuple(fc.string({ minLength: 1 }), fc.constantFrom<Rights>('read', 'full')));
  fc.assert(
    fc.property(tokens, fc.string(), (known, candidate) => {
      const table = new TokenTable(known.map(([token, rights]) => ({ token, rights })));
      const meant = known.filter(([token]) => token === candidate).map(([, rights]) => rights);
      expect(table.rightsOf(candidate)).toBe(meant.includes('full') ? 'full' : meant[0]);
    }),
  );
});

test('a candidate as long as headers may be costs nothing', () => {
  const table = new TokenTable([{ token: 'x'.repeat(4096), rights: 'full' }]);
  expect(table.rightsOf('x'.repeat(4096))).toBe('full');
  expect(table.rightsOf('x'.repeat(120_000))).toBeUndefined();
});
