import { describe, expect, test } from 'vitest';
import { UnavailableError } from '../../src/errors.ts';
import { TestApi } from './support.ts';

describe('/metrics', () => {
  test('is plain text of a known length', async () => {
    const pieces = [Buffer.from('# HELP a ☃\n'), Buffer.from('# TYPE a gauge\na 1\n')];
    await using api = await TestApi.start({ scrape: async () => pieces });
    const reply = await fetch(`http://127.0.0.1:${api.port}/metrics`);
    expect(reply.status).toBe(200);
    expect(reply.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(reply.headers.get('content-length')).toBe(String(Buffer.concat(pieces).length));
    expect(await reply.text()).toBe(Buffer.concat(pieces).toString());
  });

  test('is refused in words while the daemon stops', async () => {
    const scrape = (): Promise<never> => Promise.reject(new UnavailableError('the daemon is stopping'));
    await using api = await TestApi.start({ scrape });
    const reply = await fetch(`http://127.0.0.1:${api.port}/metrics`);
    expect([reply.status, await reply.json()]).toEqual([503, { detail: 'the daemon is stopping' }]);
  });

  test('that fails is a line in the log and a 500 without details, and the next one is as good as ever', async () => {
    let fails = true;
    await using api = await TestApi.start({
      scrape: async () => {
        if (fails) throw new Error('/etc/secret');
        return [Buffer.from('a 1\n')];
      },
    });
    const first = await fetch(`http://127.0.0.1:${api.port}/metrics`);
    expect(first.status).toBe(500);
    expect(await first.text()).not.toContain('secret');
    fails = false;
    expect((await fetch(`http://127.0.0.1:${api.port}/metrics`)).status).toBe(200);
  });

  test('is answered to four at once, and to others when these are done', async () => {
    const { promise, resolve } = Promise.withResolvers<readonly Buffer[]>();
    await using api = await TestApi.start({ scrape: () => promise });
    const url = `http://127.0.0.1:${api.port}/metrics`;
    const four = Array.from({ length: 4 }, () => fetch(url));
    await expect.poll(async () => (await fetch(url, { signal: AbortSignal.timeout(500) })).status).toBe(503);
    resolve([Buffer.from('a 1\n')]);
    for (const reply of await Promise.all(four)) expect(await reply.text()).toBe('a 1\n');
    await expect.poll(async () => (await fetch(url)).status).toBe(200);
  });
});
