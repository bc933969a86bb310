import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { TestApi } from './support.ts';

describe('listening', () => {
  test('a port in use is said in one line', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    await using api = await TestApi.build();
    await expect(api.api.listen('127.0.0.1', port)).rejects.toMatchObject({
      name: 'StartError',
      exitStatus: 1,
      message: `cannot listen on 127.0.0.1:${port}: the port is in use`,
    });
    other.close();
  });

  test.each([
    ['192.0.2.1', 'cannot listen on 192.0.2.1:0: no interface of this machine has this address'],
    ['2001:db8::1', 'cannot listen on [2001:db8::1]:0: '],
    ['no such host', 'cannot listen on no such host:0: the host name '],
  ])('an address that is not ours is said in one line: %s', async (host, message) => {
    await using api = await TestApi.build();
    await expect(api.api.listen(host, 0)).rejects.toMatchObject({
      exitStatus: 1,
      message: expect.stringContaining(message),
    });
  });

  test('localhost and a free port', async () => {
    await using api = await TestApi.build();
    const { host, port } = await api.api.listen('localhost', 0);
    expect(['127.0.0.1', '::1']).toContain(host);
    expect((await fetch(`http://localhost:${port}/healthz`)).status).toBe(200);
  });
});
