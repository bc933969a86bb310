import { Writable } from 'node:stream';
import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { TestApi } from './support.ts';

function logInto(lines: Record<string, unknown>[], level: string) {
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(JSON.parse(chunk.toString()) as Record<string, unknown>);
      done();
    },
  });
  return pino({ level }, sink);
}

describe('a fault of ours', () => {
  test('is told to the log with its stack, and to nobody else', async () => {
    const lines: Record<string, unknown>[] = [];
    await using api = await TestApi.start({ log: logInto(lines, 'info') });
    api.registry.onApply = async () => {
      throw new TypeError('secret at /home/worker/x.ts:7');
    };
    const answer = await api.post(['a']);
    expect([answer.status, answer.text]).toEqual([500, '{"detail":"Internal Server Error"}']);
    const line = lines.find(({ level }) => level === 50);
    expect(line).toMatchObject({ module: 'api', method: 'POST', url: '/api/v1/policies' });
    expect(line?.err).toMatchObject({
      message: 'secret at /home/worker/x.ts:7',
      stack: expect.stringContaining('faults.test'),
    });
  });

  test('is not what an error merely says of itself', async () => {
    await using api = await TestApi.start();
    for (const thrown of [
      Object.assign(new Error('inner'), { statusCode: 418, code: 'EINNER' }),
      Object.assign(new Error('inner'), { statusCode: 404, detail: 'inner' }),
      Object.create(null),
      'inner',
      undefined,
    ]) {
      api.registry.onApply = () => Promise.reject(thrown);
      expect((await api.post(['a'])).text).toBe('{"detail":"Internal Server Error"}');
    }
  });

  test('in a handler that answers at once is caught as well', async () => {
    await using api = await TestApi.start();
    Object.assign(api.registry, {
      names() {
        throw new Error('inner');
      },
    });
    for (const path of ['/api/v1/status', '/api/v1/policies']) {
      expect((await api.get(path)).text).toBe('{"detail":"Internal Server Error"}');
    }
  });
});

describe('every answer', () => {
  test('is told with the template of its route', async () => {
    await using api = await TestApi.start();
    await api.post(['x']);
    await api.get('/api/v1/policies/x?y=1');
    await api.get('/api/v1/runs/1');
    await api.call('/api/v1/policies/x', { method: 'PATCH' });
    await api.get('/api/v1/status/');
    await api.get('/never/heard/of');
    expect(api.answered.map(({ route, method, statusCode }) => [method, route, statusCode])).toEqual([
      ['POST', '/api/v1/policies', 201],
      ['GET', '/api/v1/policies/:name', 200],
      ['GET', '/api/v1/runs/:id', 404],
      ['PATCH', '/api/v1/policies/:name', 405],
      ['GET', '(none)', 307],
      ['GET', '(none)', 404],
    ]);
    for (const { durationMs } of api.answered) expect(durationMs).toBeGreaterThan(0);
  });

  test('is a line of the log at debug level only', async () => {
    const lines: Record<string, unknown>[] = [];
    await using quiet = await TestApi.start({ log: logInto(lines, 'info') });
    await quiet.get('/healthz');
    expect(lines.map(({ msg }) => msg)).toEqual([`Listening on http://127.0.0.1:${quiet.port}`]);
    lines.length = 0;
    await using chatty = await TestApi.start({ log: logInto(lines, 'debug') });
    await chatty.get('/healthz');
    expect(lines.at(-1)).toMatchObject({ level: 20, method: 'GET', url: '/healthz', statusCode: 200 });
  });
});
