import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestApi } from './support.ts';

let api: TestApi;
beforeAll(async () => {
  api = await TestApi.start();
});
afterAll(() => api[Symbol.asyncDispose]());

const notFound = { detail: 'Not Found' };
const notAllowed = { detail: 'Method Not Allowed' };

describe('paths', () => {
  test.each(['/nope', '/', '//', '/api/v1//status', '/API/V1/STATUS', '/api/v1', '/api/v1/status.json', '*'])(
    '4 GET %s is not found',
    async (path) => {
      const answer = await api.get(path);
      expect([answer.status, answer.json()]).toEqual([404, notFound]);
    },
  );

  test('a body sent to no route is not waited for', async () => {
    const answer = await api.call('/nope', {
      method: 'POST',
      headers: { 'content-type': 'text/plain' },
      body: 'x',
    });
    expect([answer.status, answer.json()]).toEqual([404, notFound]);
  });

  test('7 a query that a route does not know changes nothing', async () => {
    expect((await api.get('/api/v1/status?x=1&limit=nonsense')).status).toBe(200);
  });

  test.each(['/api/v1/stat%75s', 'http://elsewhere/api/v1/status', '/api/v1/status#part'])(
    'GET %s is the status',
    async (path) => {
      expect((await api.get(path)).json()).toHaveProperty('up_time_seconds');
    },
  );
});

describe('methods', () => {
  test.each([
    ['POST', '/api/v1/status', 'GET'],
    ['PATCH', '/api/v1/capabilities', 'GET'],
    ['DELETE', '/api/v1/policies', 'GET, POST'],
    ['POST', '/api/v1/policies/x', 'GET, PUT, DELETE'],
    ['PATCH', '/api/v1/policies/validate', 'POST, GET, PUT, DELETE'],
    ['GET', '/api/v1/policies/x/runs', 'POST'],
    ['GET', '/api/v1/runs/x/cancel', 'POST'],
    ['PUT', '/api/v1/runs', 'GET'],
    ['OPTIONS', '/api/v1/status', 'GET'],
    ['OPTIONS', '/api/v1/policies', 'GET, POST'],
    ['TRACE', '/healthz', 'GET'],
    ['PROPFIND', '/readyz', 'GET'],
    ['QUERY', '/docs', 'GET'],
  ])('5, 6 %s %s is not allowed', async (method, path, allow) => {
    const answer = await api.call(path, { method });
    expect([answer.status, answer.headers.allow, answer.json()]).toEqual([405, allow, notAllowed]);
  });

  test('HEAD is not allowed either, and gets no body', async () => {
    const answer = await api.call('/api/v1/status', { method: 'HEAD' });
    expect([answer.status, answer.headers.allow, answer.text]).toEqual([405, 'GET', '']);
    expect(answer.headers['content-length']).toBe('31');
  });

  test('a body sent with a wrong method is not waited for', async () => {
    const answer = await api.call('/api/v1/status', { method: 'POST', body: Buffer.alloc(20 * 1024 * 1024) });
    expect(answer.status).toBe(405);
  });
});

describe('trailing slashes', () => {
  test.each([
    ['GET', '/api/v1/status/', '/api/v1/status'],
    ['GET', '/api/v1/status//', '/api/v1/status'],
    ['POST', '/api/v1/status/', '/api/v1/status'],
    ['GET', '/api/v1/status/?x=1&y=%20', '/api/v1/status?x=1&y=%20'],
    ['DELETE', '/api/v1/policies/a%20b/', '/api/v1/policies/a%20b'],
    ['DELETE', '/api/v1/policies/', '/api/v1/policies'],
    ['GET', '/api/v1/policies/', '/api/v1/policies'],
    ['GET', '/api/v1/runs/', '/api/v1/runs'],
    ['GET', '/docs/', '/docs'],
  ])('%s %s is sent to the path without', async (method, path, target) => {
    const answer = await api.call(path, { method, headers: { host: 'worker.example:8071' } });
    expect([answer.status, answer.text]).toEqual([307, '']);
    expect(answer.headers.location).toBe(`http://worker.example:8071${target}`);
  });

  test.each(['/nope/', '//evil.example/', '/api/v1/nope//'])('%s leads nowhere', async (path) => {
    expect((await api.get(path)).status).toBe(404);
  });

  test('without a usable Host the address that was called stands in', async () => {
    const own = `http://127.0.0.1:${api.port}/healthz`;
    for (const host of ['Host: a/b@c\r\n', 'Host: "<>"\r\n', 'Host:\r\n', '']) {
      const client = api.connect().send(`GET /healthz/ HTTP/1.1\r\n${host}Connection: close\r\n\r\n`);
      expect(await client.untilClosed()).toContain(`\r\nlocation: ${own}\r\n`);
    }
    const old = api.connect().send('GET /healthz/ HTTP/1.0\r\n\r\n');
    expect(await old.untilClosed()).toContain(`\r\nlocation: ${own}\r\n`);
  });

  test('a hundred thousand slashes cost no time', async () => {
    const started = performance.now();
    expect((await api.get(`/${'/'.repeat(100_000)}x`)).status).toBe(404);
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});

describe('whatever is called', () => {
  const segment = fc.oneof(
    fc.constantFrom(
      '',
      'api',
      'v1',
      'status',
      'policies',
      'runs',
      'docs',
      '%zz',
      '%',
      '%ff',
      '%00',
      '%2F',
      '..',
      '.',
      '%E2%82',
    ),
    fc.string({ unit: 'grapheme' }).map(encodeURIComponent),
    fc.string({ unit: fc.constantFrom(...'abc%:;@&=+$,!~*\'()[]{}|^`"<>\\') }),
  );
  const path = fc
    .tuple(
      fc.array(segment, { maxLength: 5 }),
      fc.option(fc.string({ unit: fc.constantFrom(...'ab=&?%[]1+') })),
    )
    .map(([segments, query]) => `/${segments.join('/')}${query === null ? '' : `?${query}`}`);
  const method = fc.constantFrom('GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'QUERY', 'LOCK');
  const contentType = fc.constantFrom(
    undefined,
    '',
    'application/json',
    'application/x-yaml',
    'APPLICATION/YAML; charset',
    ';;',
    'a/b/c',
    'multipart/form-data; boundary=x',
  );

  test('the answer is JSON and no fault of ours', async () => {
    await fc.assert(
      fc.asyncProperty(path, method, contentType, fc.string(), async (path, method, type, text) => {
        const headers = type === undefined ? {} : { 'content-type': type };
        // A document of this stand-in registry is JSON.
        const body = method === 'GET' || method === 'HEAD' ? undefined : JSON.stringify([text]);
        const answer = await api.call(path, { method, headers, ...(body && { body }) });
        expect(answer.status).toBeLessThan(500);
        if (method === 'HEAD' || answer.status === 307) expect(answer.text).toBe('');
        else if (!path.startsWith('/docs')) expect(answer.json()).toBeTypeOf('object');
      }),
      { numRuns: 300 },
    );
  });

  test('no answer lets a page of another site read it', async () => {
    const headers = {
      origin: 'http://evil.example',
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'content-type',
    };
    for (const [method, path] of [
      ['OPTIONS', '/api/v1/policies'],
      ['GET', '/api/v1/policies'],
      ['GET', '/nope'],
      ['POST', '/api/v1/policies'],
    ] as const) {
      const answer = await api.call(path, { method, headers });
      expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
      if (method === 'OPTIONS') expect(answer.status).toBe(405);
      expect(answer.headers['x-content-type-options']).toBe('nosniff');
    }
  });
});
