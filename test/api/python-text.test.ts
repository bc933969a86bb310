import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { pythonList } from '../../src/api/python-text.ts';

/** What `repr` of CPython 3.11 makes of these. */
const cases: [text: string, repr: string][] = [
  ['a', `'a'`],
  ['', `''`],
  ['a b', `'a b'`],
  [`x'y`, `"x'y"`],
  ['say "hi"', `'say "hi"'`],
  [`both ' and "`, `'both \\' and "'`],
  ['back\\slash', `'back\\\\slash'`],
  [`back\\ and '`, `"back\\\\ and '"`],
  ['tab\tline\nreturn\r', `'tab\\tline\\nreturn\\r'`],
  ['nul\0bell\x07del\x7f', `'nul\\x00bell\\x07del\\x7f'`],
  ['\x80\x9f\xa0\xff', `'\\x80\\x9f\\xa0ÿ'`],
  ['ünï☃', `'ünï☃'`],
  ['é', `'é'`],
  ['😀', `'😀'`],
  ['soft\u00adhyphen', `'soft\\xadhyphen'`],
  ['zero\u200bwidth', `'zero\\u200bwidth'`],
  ['line\u2028separator', `'line\\u2028separator'`],
  ['\ufeffbom', `'\\ufeffbom'`],
  ['\u3000', `'\\u3000'`],
  ['\ue000', `'\\ue000'`],
  ['\u{e0001}', `'\\U000e0001'`],
  ['\ud800', `'\\ud800'`],
];

describe('a list of names as Python shows it', () => {
  test.each(cases)('%j', (text, repr) => {
    expect(pythonList([text])).toBe(`[${repr}]`);
  });

  test('separates names by comma and blank', () => {
    expect(pythonList(["x'y", 'z', 'a'])).toBe(`["x'y", 'z', 'a']`);
  });

  test('shows every text on one line, within quotes that it does not end itself', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const shown = pythonList([text]).slice(1, -1);
        const quote = shown[0] ?? '';
        expect(shown).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
        expect(shown.at(-1)).toBe(quote);
        expect(shown.slice(1, -1).replace(/\\./gsu, '')).not.toContain(quote);
      }),
    );
  });
});
