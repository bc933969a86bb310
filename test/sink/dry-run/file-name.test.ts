import fc from 'fast-check';
import { expect, test } from 'vitest';
import { dryRunFileName } from '../../../src/sink/dry-run/file-name.ts';

test.each([
  ['edge/quillon', 'edge_quillon_7.json'],
  ['a b/n.1', 'a_b_n_1_7.json'],
  ['größe-Ελ_文٣', 'größe-Ελ_文٣_7.json'],
  ['../../etc/passwd', '______etc_passwd_7.json'],
  ['😀', '__7.json'],
  ['a\0b\n', 'a_b__7.json'],
  ['', '_7.json'],
])('%j gives %s', (appName, name) => {
  expect(dryRunFileName(appName, 7n)).toBe(name);
});

test('whatever an app is called, its file lies in the directory and has a name that a file can have', () => {
  const hostile = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 600 }),
    fc.string({ unit: fc.constantFrom('文', '𐐷', 'a', '/', '.', '\ud800'), maxLength: 400 }),
  );
  fc.assert(
    fc.property(hostile, fc.bigInt({ min: 0n, max: 2n ** 64n }), (appName, nanoseconds) => {
      const name = dryRunFileName(appName, nanoseconds);
      expect(Buffer.byteLength(name)).toBeLessThanOrEqual(255);
      expect(name).toMatch(/^[\p{L}\p{N}_-]*\.json$/u);
      expect(name.endsWith(`_${nanoseconds}.json`)).toBe(true);
      expect(name.isWellFormed()).toBe(true);
    }),
    { numRuns: 500 },
  );
});
