import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { StartError } from '../../src/errors.ts';
import { authorityOf, describeTarget, parseTarget } from '../../src/sink/target.ts';

test.each([
  ['grpc://diode', { secure: false, host: 'diode', port: 80, path: '' }],
  ['http://diode', { secure: false, host: 'diode', port: 80, path: '' }],
  ['grpcs://diode', { secure: true, host: 'diode', port: 443, path: '' }],
  ['https://diode/', { secure: true, host: 'diode', port: 443, path: '' }],
  ['GRPC://Diode.Example:8080/diode', { secure: false, host: 'diode.example', port: 8080, path: '/diode' }],
  ['grpc://10.0.0.1:50051/a/b/', { secure: false, host: '10.0.0.1', port: 50051, path: '/a/b' }],
  ['grpcs://[2001:db8::7]:1/a//', { secure: true, host: '2001:db8::7', port: 1, path: '/a' }],
  ['grpc://host:443', { secure: false, host: 'host', port: 443, path: '' }],
])('%s is read', (text, target) => {
  expect(parseTarget(text)).toEqual(target);
});

describe('a target that cannot be read stops the start with a line that says why', () => {
  test.each([
    ['', 'should start with grpc://, grpcs://, http:// or https://'],
    ['diode:80', 'should start with grpc://, grpcs://, http:// or https://'],
    ['ftp://diode', 'should start with grpc://, grpcs://, http:// or https://'],
    ['//diode', 'should start with'],
    ['grpc:/diode', 'should start with'],
    [' grpc://diode', 'should start with'],
    ['grpc://', 'name a host'],
    ['grpc:///path', 'name a host'],
    ['grpc://:80', 'a host'],
    ['grpc://diode:0', 'port from 1 to 65535'],
    ['grpc://diode:65536', '1 to 65535'],
    ['grpc://diode:abc', '1 to 65535'],
    ['grpc://diode:-1', '1 to 65535'],
    ['grpc://::1', 'in brackets'],
    ['grpc://[::1', 'host'],
    ['grpc://diode?x=1', '? and #'],
    ['grpc://diode/a#b', '? and #'],
    ['grpc://di ode', 'blanks'],
    ['grpc://diode\n', 'blanks'],
    ['grpc://diode\\a', 'blanks or backslashes'],
    ['grpc://diode\0', 'blanks'],
    ['grpc://999.1.1.1', 'host'],
  ])('%j', (text, why) => {
    const refused = () => parseTarget(text);
    expect(refused).toThrow(StartError);
    expect(refused).toThrow('Unable to connect to Diode Server: target should ');
    expect(refused).toThrow(why);
  });

  test('a password in it is not shown', () => {
    expect(() => parseTarget('grpc://me:hunter2@diode')).toThrow(/^((?!hunter2).)*$/);
  });
});

test('whatever is written is read, or refused in one line', () => {
  const anything = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.webUrl(),
    fc
      .tuple(fc.constantFrom('grpc://', 'grpcs://', 'https://', 'http://'), fc.string())
      .map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(anything, (text) => {
      try {
        const target = parseTarget(text);
        expect(target.host).not.toBe('');
        expect(target.port).toBeGreaterThan(0);
        expect(target.path).toMatch(/^$|^\/.*[^/]$/s);
      } catch (error) {
        expect(error).toBeInstanceOf(StartError);
        expect(String(error)).not.toContain('\n');
      }
    }),
    { numRuns: 1000 },
  );
});

test('a target that was read means the same when it is written down and read again', () => {
  const segment = fc.stringMatching(/^[a-z0-9_-]{1,8}$/);
  const parts = fc.record({
    scheme: fc.constantFrom('grpc', 'grpcs', 'http', 'https'),
    host: fc.oneof(
      fc.domain(),
      fc.ipV4(),
      fc.ipV6().map((address) => `[${address}]`),
    ),
    port: fc.option(fc.integer({ min: 1, max: 65_535 })),
    path: fc.array(segment).map((segments) => segments.map((name) => `/${name}`).join('')),
  });
  fc.assert(
    fc.property(parts, ({ scheme, host, port, path }) => {
      const target = parseTarget(`${scheme}://${host}${port === null ? '' : `:${port}`}${path}/`);
      expect(target.path).toBe(path);
      expect(target.port).toBe(port ?? (target.secure ? 443 : 80));
      expect(parseTarget(describeTarget(target))).toEqual(target);
      expect(authorityOf(target)).toMatch(/:\d+$/);
    }),
  );
});
