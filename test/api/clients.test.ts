import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { TestApi } from './support.ts';

const hurried = { headersMs: 200, requestMs: 400, checkMs: 50, idleMs: 200, closeMs: 100 };
const late = '{"detail":"the request did not arrive in time"}';
const postHead = 'POST /api/v1/policies HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-yaml\r\n';
const tooMuchHead = 'path and headers are larger than 128 KiB, or have more than 1,000 fields';

/** A request with one field more than `count`. */
const headOf = (field: string, count: number, last = 'Host: x'): string =>
  `GET /healthz HTTP/1.1\r\n${`${field}\r\n`.repeat(count)}${last}\r\n\r\n`;

describe('slow clients', () => {
  test('a connection that says nothing is closed', async () => {
    await using api = await TestApi.start({ limits: hurried });
    expect(await api.connect().untilClosed()).toContain(late);
  });

  test('headers that never end are cut off', async () => {
    await using api = await TestApi.start({ limits: hurried });
    const answer = await api.connect().send('GET /api/v1/status HTTP/1.1\r\nHost: x\r\nX-A: ').untilClosed();
    expect(answer).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n/);
    expect(answer.endsWith(late)).toBe(true);
  });

  test('a body that never ends is cut off, and others are served meanwhile', async () => {
    await using api = await TestApi.start({ limits: hurried });
    const slow = api.connect().send(`${postHead}Content-Length: 100\r\n\r\n["a"`);
    // On a busy machine any request may be too late.
    await expect.poll(async () => (await api.get('/healthz')).status).toBe(200);
    expect(await slow.untilClosed()).toContain(late);
    expect(api.registry.applied).toEqual([]);
  });

  test('a connection that has nothing more to say is closed', async () => {
    await using api = await TestApi.start({ limits: hurried });
    const answer = await api.connect().send('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n').untilClosed();
    expect(answer).toMatch(/\{"status":"ok"\}$/);
  });

  test('a client that goes away within its body leaves nothing behind', async () => {
    await using api = await TestApi.start({ limits: { closeMs: 5_000 } });
    const client = api.connect().send(`${postHead}Content-Length: 100\r\n\r\n["a"`);
    await once(client.socket, 'connect');
    await api.get('/healthz');
    client.socket.destroy();
    await client.untilClosed();
    const started = performance.now();
    await api.api.close();
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});

describe('what is no HTTP', () => {
  test.each([
    ['nonsense\r\n\r\n', 400, 'this is not a valid HTTP request'],
    ['FOO / HTTP/1.1\r\nHost: x\r\n\r\n', 400, 'this is not a valid HTTP request'],
    ['GET / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n', 400, 'this is not a valid HTTP request'],
    [
      `${postHead}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`,
      400,
      'this is not a valid HTTP request',
    ],
    [`GET /${'x'.repeat(140_000)} HTTP/1.1\r\nHost: x\r\n\r\n`, 431, tooMuchHead],
    [headOf(`X-Y: ${'z'.repeat(140)}`, 1_000), 431, tooMuchHead],
    [headOf('X-Y: z', 1_000), 431, tooMuchHead],
    [headOf('X-Y: z', 20_000), 431, tooMuchHead],
  ])('gets an answer that says so: %#', async (text, status, detail) => {
    await using api = await TestApi.start();
    const answer = await api.connect().send(text).untilClosed();
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [\\s\\S]*\r\nconnection: close\r\n`));
    expect(answer.slice(answer.indexOf('\r\n\r\n') + 4)).toBe(JSON.stringify({ detail }));
  });

  test('is answered after the requests that came before it', async () => {
    await using api = await TestApi.start();
    const gets = 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(100);
    const answer = await api.connect().send(`${gets}nonsense\r\n\r\n`).untilClosed();
    expect(answer.match(/(?<=HTTP\/1\.1 )\d+/g)).toEqual([...Array(100).fill('200'), '400']);
  });

  test('a thousand header fields are read', async () => {
    await using api = await TestApi.start();
    const head = headOf('X-Y: z', 999, 'Connection: close');
    expect(await api.connect().send(head).untilClosed()).toMatch(/^HTTP\/1\.1 200 /);
  });

  test('a chunked body that breaks off its form is refused', async () => {
    await using api = await TestApi.start();
    const client = api.connect().send(`${postHead}Transfer-Encoding: chunked\r\n\r\nzz\r\n`);
    expect(await client.untilClosed()).toMatch(/^HTTP\/1\.1 400 /);
    expect(api.registry.applied).toEqual([]);
  });

  test('requests sent at once are answered in their order', async () => {
    await using api = await TestApi.start();
    const gets = ['/healthz', '/nope', '/readyz'].map((path) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
    const last = 'GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
    const answer = await api
      .connect()
      .send(gets.join('') + last)
      .untilClosed();
    expect(answer.match(/(?<=HTTP\/1\.1 )\d+/g)).toEqual(['200', '404', '200', '200']);
  });

  test.each([
    'Expect: something',
    'Connection: Upgrade\r\nUpgrade: websocket',
    'Connection: Upgrade\r\nUpgrade: h2c',
  ])('a wish that is not granted is no hindrance: %j', async (header) => {
    await using api = await TestApi.start();
    const client = api.connect().send(`GET /healthz HTTP/1.1\r\nHost: x\r\n${header}\r\n\r\n`);
    await expect.poll(() => client.received).toMatch(/^HTTP\/1\.1 200 [\s\S]*\{"status":"ok"\}$/);
    client.socket.destroy();
  });

  test('a client that waits for leave to send its body gets it', async () => {
    await using api = await TestApi.start();
    const client = api
      .connect()
      .send(`${postHead}Content-Length: 5\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n`);
    await expect.poll(() => client.received).toContain('100 Continue');
    expect(await client.send('["a"]').untilClosed()).toContain("policy 'a' was started");
  });
});

describe('closing', () => {
  test('ends connections that are kept alive, silent, or within a request', async () => {
    const api = await TestApi.start();
    const kept = api.connect().send('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
    const silent = api.connect();
    const within = api.connect().send(`${postHead}Content-Length: 100\r\n\r\n["a"`);
    await expect.poll(() => kept.received).toContain('ok');
    await api.get('/healthz');
    const started = performance.now();
    await api.api.close();
    await Promise.all([kept.untilClosed(), silent.untilClosed(), within.untilClosed()]);
    expect(performance.now() - started).toBeLessThan(1_000);
    await expect(api.get('/healthz')).rejects.toThrow('ECONNREFUSED');
  });

  test('lets a request under way end, and refuses what comes after', async () => {
    const api = await TestApi.start({ clock: systemClock, limits: { closeMs: 5_000 } });
    const work = Promise.withResolvers<readonly string[]>();
    api.registry.onApply = () => work.promise;
    const post = api.post(['a']);
    await expect.poll(() => api.registry.applied.length).toBe(1);
    const idle = connect(api.port, '127.0.0.1');
    await once(idle, 'connect');
    const closed = api.api.close();
    await expect
      .poll(async () => (await api.get('/healthz')).text)
      .toBe('{"detail":"the daemon is stopping"}');
    work.resolve(['a']);
    expect((await post).text).toBe(`{"detail":"policy 'a' was started"}`);
    await closed;
    idle.destroy();
  });

  test('does not wait longer than its time for a request under way', async () => {
    const api = await TestApi.start({ limits: hurried });
    api.registry.onApply = () => new Promise(() => {});
    const post = api.post(['a']);
    await expect.poll(() => api.registry.applied.length).toBe(1);
    const started = performance.now();
    await Promise.all([api.api.close(), expect(post).rejects.toThrow()]);
    expect(performance.now() - started).toBeLessThan(1_000);
  });

  test('works before listening, and twice', async () => {
    const api = await TestApi.build();
    await Promise.all([api.api.close(), api.api.close()]);
  });
});
