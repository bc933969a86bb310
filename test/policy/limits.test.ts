import { describe, expect, test } from 'vitest';
import { policyWith, read, readOne, refusalOf, rowsOf, scopeOf } from './read.ts';

const MiB = 1024 * 1024;

/** Every list stands for nine of the one before it. */
function bomb(depth: number): string {
  const lists = Array.from({ length: depth }, (_, level) => {
    const item = level === 0 ? 'x' : `*l${level - 1}`;
    return `l${level}: &l${level} [${Array.from({ length: 9 }, () => item).join(', ')}]\n`;
  });
  return `${lists.join('')}${policyWith({ scope: `*l${depth - 1}` })}`;
}

describe('a document is refused with a clear text', () => {
  test.each([
    ['an alias bomb', bomb(9), /too large with its aliases written out/],
    [
      'a bomb of text',
      `a: &a "${'x'.repeat(MiB)}"\n${policyWith({ scope: `[${'*a, '.repeat(40)}]` })}`,
      /too large/,
    ],
    [
      'a bomb of texts over many policies',
      `a: &a [${'x, '.repeat(1_000)}]\npolicies:\n${Array.from({ length: 600 }, (_, i) => `  p${i}: {config: {package: x}, scope: *a}\n`).join('')}`,
      /too large/,
    ],
    [
      'a bomb of merge keys',
      `a: &a {${Array.from({ length: 1_000 }, (_, i) => `k${i}`).join(', ')}}\n${policyWith({ scope: `[${'{<<: *a}, '.repeat(300)}]` })}`,
      /merge keys/,
    ],
    ['a list in itself', policyWith({ scope: '&a [*a]' }), /contains itself/],
    ['a map in itself, further down', policyWith({ scope: '&a {b: [{c: *a}]}' }), /contains itself/],
    ['101 levels', policyWith({ scope: `${'['.repeat(98)}${']'.repeat(98)}` }), /deeper than 100 levels/],
    ['100,000 levels', '['.repeat(100_000), /deeper than 100 levels/],
    [
      'levels made by aliases',
      `${Array.from({ length: 200 }, (_, i) => `x${i}: &x${i} [${i === 0 ? '' : `*x${i - 1}`}]\n`).join('')}${policyWith({ scope: '*x199' })}`,
      /deeper than 100 levels/,
    ],
    [
      'levels made by aliases of values that were overwritten',
      policyWith({
        more: `, ${Array.from({ length: 5_000 }, (_, i) => `a: &x${i} [${i === 0 ? '' : `*x${i - 1}`}]`).join(', ')}, scope: *x4999`,
      }),
      /deeper than 100 levels/,
    ],
    [
      'a million values',
      policyWith({ scope: `[${'1,'.repeat(1_000_000)}]` }),
      /more than 200,000 lines and values/,
    ],
    [
      '150,000 keys',
      policyWith({ scope: `{${'k: 1,'.repeat(150_000)}}` }),
      /more than 200,000 lines and values/,
    ],
    [
      '150,000 keys in JSON',
      policyWith({ scope: `{${'"k":1,'.repeat(150_000)}}` }),
      /more than 200,000 lines and values/,
    ],
    ['a million lines', '\n'.repeat(1_000_000), /more than 200,000 lines and values/],
    ['a million values in one line', '- '.repeat(1_000_000), /more than 200,000 lines and values/],
    ['a million escapes', `"${'\\n'.repeat(1_000_000)}"`, /more than 200,000 lines and values/],
    [
      '10,001 policies',
      `policies: {${Array.from({ length: 10_001 }, (_, i) => `p${i}: 1`).join(', ')}}`,
      /10001 policies: send at most 10000/,
    ],
  ])('%s', (_title, body, message) => {
    const refusal = refusalOf(body);
    expect(refusal.statusCode).toBe(400);
    expect(refusal.message).toMatch(message);
  });
});

test('aliases within reason are read', () => {
  expect(JSON.stringify(scopeOf('[&a [1, 2], *a, {b: *a}]'))).toBe('[[1,2],[1,2],{"b":[1,2]}]');
  expect(read(bomb(5))).toHaveLength(1);
});

test('95 levels, 1,000 merged policies and 100,000 addresses are no trouble', () => {
  expect(readOne(policyWith({ scope: `${'['.repeat(90)}${']'.repeat(90)}` })).name).toBe('p');
  const merged = Array.from(
    { length: 1_000 },
    (_, i) => `  p${i}: {config: {<<: *c, site: s${i}}, scope: 1}\n`,
  );
  const base = `c: &c {package: x, ${Array.from({ length: 50 }, (_, i) => `k${i}: ${i}`).join(', ')}}\n`;
  expect(read(`${base}policies:\n${merged.join('')}`)).toHaveLength(1_000);
  const addresses = Array.from(
    { length: 100_000 },
    (_, i) => `      - 10.${i >> 16}.${(i >> 8) & 255}.${i & 255}\n`,
  );
  const body = `policies:\n  p:\n    config: {package: x}\n    scope:\n${addresses.join('')}`;
  expect(readOne(body).payload.length).toBeGreaterThan(MiB);
});

test('after 1,000 findings the rest is left out', () => {
  const rows = rowsOf(`policies: {${Array.from({ length: 2_000 }, (_, i) => `p${i}: {}`).join(', ')}}`);
  expect(rows).toHaveLength(1_001);
  expect(rows.at(-1)).toEqual([
    'policies',
    'value_error',
    'Value error, More than 1000 findings: the rest is left out.',
  ]);
});

describe('90,000 of the same are no trouble', () => {
  const many = (item: (index: number) => string): string =>
    Array.from({ length: 90_000 }, (_, i) => item(i)).join();

  test('unset variables', () => {
    expect(readOne(policyWith({ scope: `[${many((i) => `"\${V${i}}"`)}]` })).warnings).toHaveLength(51);
  });

  test.each([
    ['variables that may not be expanded', policyWith({ scope: `[${many((i) => `"\${V${i}}"`)}]` })],
    ['keys that are no text', policyWith({ config: `{package: x, ${many((i) => `${i}: 1`)}}` })],
    ['keys of run that there are not', policyWith({ more: `, run: {${many((i) => `k${i}: 1`)}}` })],
  ])('%s', (_title, body) => {
    expect(rowsOf(body, { provenance: 'network' })).toHaveLength(1_001);
  });

  test('keys that are nearly ours', () => {
    expect(readOne(policyWith({ more: `, ${many((i) => `runs${i}: 1`)}, Run: 1` })).warnings).toHaveLength(1);
  });
});

describe('a body of megabytes holds nobody up for long', () => {
  // An idle machine needs a tenth to a third of a second: the limit is there for what grows with the square.
  test.each([
    ['39: a comment of 10 MiB', `policies: {}\n#${'x'.repeat(10 * MiB)}`, 400],
    ['comment lines', `policies: {}\n${`#${'x'.repeat(79)}\n`.repeat((10 * MiB) / 81)}`, 400],
    ['one text', 'x'.repeat(16 * MiB), 400],
    ['one quote', `"${'x'.repeat(16 * MiB)}`, 400],
    ['one number', '9'.repeat(16 * MiB), 400],
    ['one alias', '*'.repeat(16 * MiB), 400],
    ['one anchor', '&'.repeat(16 * MiB), 400],
    ['one tag', '!'.repeat(16 * MiB), 400],
    ['dashes', '-'.repeat(16 * MiB), 400],
    ['colons', ': '.repeat(8 * MiB), 400],
    ['blanks', ' '.repeat(16 * MiB), 400],
    ['tabs', `a:${'\t'.repeat(16 * MiB)}{}`, 400],
    ['brackets', '['.repeat(16 * MiB), 400],
    ['lines that braces do not indent', `policies: {\n${'a,\n'.repeat(60_000)}}`, 400],
    ['an error after 199,000 lines', `policies: {}${'\n'.repeat(199_000)}}`, 400],
    ['zeros', '\0'.repeat(16 * MiB), 400],
  ])('%s', (_title, body, status) => {
    const startedAt = performance.now();
    expect(refusalOf(body).statusCode).toBe(status);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });

  test('5,000 schedules that never fire', () => {
    const policies = Array.from(
      { length: 5_000 },
      (_, i) =>
        `  p${i}: {config: {package: x, schedule: "${i % 60} ${Math.floor(i / 60) % 24} 30 2 *"}, scope: 1}\n`,
    );
    const startedAt = performance.now();
    expect(rowsOf(`policies:\n${policies.join('')}`)).toHaveLength(1_001);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });
});
