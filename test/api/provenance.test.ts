import { describe, expect, test } from 'vitest';
import { provenanceOf } from '../../src/api/provenance.ts';
import { TestApi } from './support.ts';

function from(remoteAddress: string | undefined, headers: Record<string, string> = {}) {
  return provenanceOf({ isAuthenticated: false, socket: { remoteAddress }, headers });
}

describe('where a request came from', () => {
  test.each(['127.0.0.1', '127.0.1.1', '127.255.255.254', '::1', '::ffff:127.0.0.1'])(
    '%s is this machine',
    (address) => {
      expect(from(address)).toBe('loopback');
    },
  );

  test.each([
    '10.0.0.1',
    '::ffff:10.0.0.1',
    'fe80::1',
    '128.0.0.1',
    '12.7.0.1',
    '::',
    '127.evil.example',
    '',
    undefined,
  ])('%s is not', (address) => {
    expect(from(address)).toBe('network');
  });

  test.each([
    { forwarded: 'for=192.0.2.1' },
    { 'x-forwarded-for': '192.0.2.1' },
    { 'x-real-ip': '192.0.2.1' },
    { via: '1.1 proxy' },
  ])('a proxy on this machine that says %j speaks for a stranger', (headers) => {
    expect(from('127.0.0.1', headers)).toBe('network');
  });

  test.each(['http://evil.example:8071', 'null', 'http://localhost.evil.example', 'nonsense', ''])(
    'a page of %s is a stranger, whatever its name resolves to',
    (origin) => {
      expect(from('127.0.0.1', { origin })).toBe('network');
    },
  );

  test.each(['http://localhost:8071', 'http://127.0.0.1:8071', 'http://[::1]:8071'])(
    'the page at %s is our own',
    (origin) => {
      expect(from('127.0.0.1', { origin })).toBe('loopback');
    },
  );

  test('whoever showed a token or a certificate is known, wherever the request came from', () => {
    const headers = { 'x-forwarded-for': '192.0.2.1' };
    const caller = { isAuthenticated: true, socket: { remoteAddress: '10.0.0.1' }, headers };
    expect(provenanceOf(caller)).toBe('authenticated');
  });

  test('is told to whoever reads the document', async () => {
    await using api = await TestApi.start();
    await api.post(['a']);
    await api.post(['b'], { 'content-type': 'application/x-yaml', 'x-forwarded-for': '192.0.2.1' });
    expect(api.registry.applied.map(({ provenance }) => provenance)).toEqual(['loopback', 'network']);
  });
});
