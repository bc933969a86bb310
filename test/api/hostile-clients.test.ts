import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { viewOf } from './names-registry.ts';
import { TestApi } from './support.ts';

const hurried = { headersMs: 300, requestMs: 500, checkMs: 50, idleMs: 300, stalledMs: 400, closeMs: 100 };
const get = 'GET /api/v1/policies HTTP/1.1\r\nHost: x\r\n\r\n';

/** Connections that the server's side has not closed, as the kernel sees it. */
function openConnections({ port }: TestApi): number {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const ESTABLISHED = '01';
  const CLOSE_WAIT = '08';
  return readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(
      ([, address, , state = '']) => address?.endsWith(local) && [ESTABLISHED, CLOSE_WAIT].includes(state),
    ).length;
}

/** Sends one byte after the other, for ever, and resolves when the other side has had enough. */
async function drip(socket: Socket, byte: string): Promise<void> {
  socket.on('error', () => undefined).resume();
  while (!socket.closed) {
    socket.write(byte);
    await sleep(10);
  }
}

describe('a client that sends a byte now and then', () => {
  test.each([
    ['in its path', 'GET /', 'x'],
    ['in its headers', 'GET / HTTP/1.1\r\nHost: x\r\nX-A: ', 'x'],
    [
      'in its body',
      'POST /api/v1/policies HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-yaml\r\nContent-Length: 99999\r\n\r\n',
      ' ',
    ],
    [
      'in chunks',
      'POST /api/v1/policies HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-yaml\r\nTransfer-Encoding: chunked\r\n\r\n',
      '1\r\n \r\n',
    ],
    [
      'in a body that nobody reads',
      'POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 99999\r\n\r\n',
      ' ',
    ],
  ])('%s has no more time than others', async (_where, start, byte) => {
    await using api = await TestApi.start({ limits: hurried });
    const socket = connect(api.port, '127.0.0.1');
    socket.write(start);
    const startedAt = performance.now();
    await drip(socket, byte);
    expect(performance.now() - startedAt).toBeLessThan(3_000);
    expect(api.registry.applied).toEqual([]);
  });
});

describe('a client that takes nothing of its answers', () => {
  async function stall(api: TestApi): Promise<Socket> {
    const socket = connect(api.port, '127.0.0.1').on('error', () => undefined);
    await once(socket, 'connect');
    socket.pause();
    socket.write(get.repeat(1_000));
    return socket;
  }

  test('has them made only as far as it takes them, and is let go', async () => {
    await using api = await TestApi.start({ limits: hurried });
    for (let index = 0; index < 2_000; index++) api.registry.views.set(`p${index}`, viewOf(`p${index}`));
    const socket = await stall(api);
    await expect.poll(() => api.answered.length).toBeGreaterThan(0);
    expect((await api.get('/healthz')).status).toBe(200);
    const made = api.answered.length;
    expect(made).toBeLessThan(500);
    await expect.poll(() => openConnections(api), { timeout: 5_000 }).toBe(0);
    socket.destroy();
  });
});

describe('a client that has closed its side', () => {
  test.each([
    ['before it sent anything', ''],
    ['within its headers', 'GET /healthz HTTP/1.1\r\nHo'],
    [
      'within its body',
      'POST /api/v1/policies HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-yaml\r\nContent-Length: 99\r\n\r\n["a"',
    ],
  ])('%s is let go at once', async (_when, bytes) => {
    await using api = await TestApi.start();
    const socket = connect({ port: api.port, host: '127.0.0.1', allowHalfOpen: true });
    socket.on('error', () => undefined).resume();
    socket.end(bytes);
    await once(socket, 'end');
    await expect.poll(() => openConnections(api)).toBe(0);
    socket.destroy();
    expect(api.registry.applied).toEqual([]);
  });
});

test('ten thousand requests at once are answered in their order', async () => {
  await using api = await TestApi.start();
  const paths = Array.from({ length: 10_000 }, (_, index) => `/api/v1/runs/${index}`);
  const requests = paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`).join('');
  const crowd = api.connect().send(requests);
  await expect.poll(() => api.answered.length).toBeGreaterThan(0);
  const askedAt = performance.now();
  expect((await api.get('/healthz')).status).toBe(200);
  expect(performance.now() - askedAt).toBeLessThan(2_000);
  await expect.poll(() => crowd.received, { timeout: 20_000 }).toContain("'9999'");
  const named = Array.from(crowd.received.matchAll(/run '(\d+)' not found/g), ([, name]) => Number(name));
  expect(named).toEqual(paths.map((_, index) => index));
  crowd.socket.destroy();
});
