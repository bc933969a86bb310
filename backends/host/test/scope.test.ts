import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nameFilter } from '../src/map/name-filter.ts';
import { scopeSchema } from '../src/scope.ts';

describe('a scope', () => {
  test.each([null, undefined, {}, { interfaces: {} }])('%j means the whole machine', (scope) => {
    expect(scopeSchema.parse(scope)).toEqual({
      site: 'undefined',
      role: 'undefined',
      tags: [],
      interfaces: { include: [], exclude: [] },
    });
  });

  test.each([
    ['an unknown key', { sites: 'x' }],
    ['an unknown key inside', { interfaces: { only: ['eth0'] } }],
    ['a number for a name', { site: 5 }],
    ['an empty name', { site: '' }],
    ['one tag that is no list', { tags: 'a' }],
    ['a list', []],
    ['a text', 'eth0'],
  ])('with %s is refused', (_, scope) => {
    expect(scopeSchema.safeParse(scope).success).toBe(false);
  });
});

describe('interface patterns', () => {
  test.each([
    [[], [], 'eth0', true],
    [['eth*'], [], 'eth0', true],
    [['eth*'], [], 'veth0', false],
    [['eth?'], [], 'eth10', false],
    [[], ['veth*', 'docker0'], 'veth12ab', false],
    [[], ['docker0'], 'docker01', true],
    [['*'], ['lo'], 'lo', false],
    [['eth0.*'], [], 'eth0.7', true],
    [['eth0.*'], [], 'eth017', false],
    [['[a-z]+'], [], 'eth', false],
    [['a(b'], [], 'a(b', true],
  ])('include %j, exclude %j: %s is wanted: %s', (include, exclude, name, wanted) => {
    expect(nameFilter({ include, exclude })(name)).toBe(wanted);
  });

  test('a name without wildcards matches itself and nothing else', () => {
    const name = fc.string({ minLength: 1 }).filter((text) => !/[*?]/.test(text));
    fc.assert(
      fc.property(name, name, (pattern, other) => {
        const wanted = nameFilter({ include: [pattern], exclude: [] });
        expect(wanted(pattern)).toBe(true);
        expect(wanted(other)).toBe(pattern === other);
      }),
    );
  });
});
