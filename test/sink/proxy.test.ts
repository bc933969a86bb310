import fc from 'fast-check';
import { expect, test } from 'vitest';
import { proxyFor } from '../../src/sink/proxy.ts';
import { parseTarget } from '../../src/sink/target.ts';

const plain = parseTarget('grpc://diode.x.org');
const secure = parseTarget('grpcs://diode.x.org');

function proxyHost(target: typeof plain, env: NodeJS.ProcessEnv): string | undefined {
  return proxyFor(target, env)?.host;
}

test('a secure target asks HTTPS_PROXY, then HTTP_PROXY; a plain one HTTP_PROXY only', () => {
  const both = { HTTPS_PROXY: 'http://s', HTTP_PROXY: 'http://p' };
  expect(proxyHost(secure, both)).toBe('s');
  expect(proxyHost(secure, { HTTP_PROXY: 'http://p' })).toBe('p');
  expect(proxyHost(plain, both)).toBe('p');
  expect(proxyHost(plain, { HTTPS_PROXY: 'http://s' })).toBeUndefined();
  expect(proxyHost(plain, {})).toBeUndefined();
});

test('lower case counts too, empty values do not', () => {
  expect(proxyHost(plain, { http_proxy: 'http://p' })).toBe('p');
  expect(proxyHost(plain, { HTTP_PROXY: '', http_proxy: 'http://p' })).toBe('p');
  expect(proxyHost(secure, { HTTPS_PROXY: '', https_proxy: '' })).toBeUndefined();
});

test.each([
  ['*', true],
  ['diode.x.org', true],
  ['x.org', true],
  [' X.ORG ', true],
  ['.x.org', true],
  ['*.x.org', true],
  ['.diode.x.org', false],
  ['*.diode.x.org', false],
  ['e.x.org', false],
  ['diode.x.org:80', false],
  ['y.org,,x.org', true],
  [`${'a'.repeat(300)},y.org`, false],
])('NO_PROXY=%s: goes without a proxy: %s', (list, without) => {
  expect(proxyHost(plain, { HTTP_PROXY: 'http://p', NO_PROXY: list }) === undefined).toBe(without);
});

test.each(['grpc://localhost', 'grpc://127.0.0.1:9', 'grpc://[::1]'])(
  '%s never goes through a proxy',
  (text) => {
    expect(proxyHost(parseTarget(text), { HTTP_PROXY: 'http://p' })).toBeUndefined();
  },
);

test('credentials and port are taken from the URL', () => {
  expect(proxyFor(plain, { HTTP_PROXY: 'http://me:p%40ss@[::1]:3128' })).toEqual({
    host: '::1',
    port: 3128,
    credentials: 'me:p@ss',
  });
  expect(proxyFor(plain, { HTTP_PROXY: 'http://p' })).toEqual({
    host: 'p',
    port: 80,
    credentials: undefined,
  });
});

test.each(['p:3128', 'https://p', 'socks5://p', 'http://', 'http://a:%zz@p'])(
  'HTTP_PROXY=%s is refused by the name of the variable, without its value',
  (value) => {
    expect(() => proxyFor(plain, { HTTP_PROXY: value })).toThrow(/^HTTP_PROXY should be [^%]*$/);
  },
);

test('any value is read, or refused by the name of the variable', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), fc.string(), (value, list) => {
      try {
        proxyFor(plain, { HTTP_PROXY: value, NO_PROXY: list });
      } catch (error) {
        expect(String(error)).toContain('HTTP_PROXY should be');
      }
    }),
  );
});
