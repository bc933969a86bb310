import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync, writeFileSync } from 'node:fs';
import { Agent as HttpsAgent } from 'node:https';
import { connect as connectPlain } from 'node:net';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { HeldClock } from '../../support/held-clock.ts';
import { TestApi } from '../support.ts';
import { looksUntil, readableLog } from './support.ts';
import { call, client, filesOf, issueCertificates, pki, serialOf, server, shownBy } from './tls.ts';

const DAY_MS = 86_400_000;

issueCertificates();

describe('HTTPS', () => {
  test('the API is spoken to over TLS alone, and says so', async () => {
    const { log, lines } = readableLog();
    await using api = await TestApi.start({ locks: filesOf(server, 'plain'), log });
    expect((await call(api, '/api/v1/status')).status).toBe(200);
    expect((await call(api, '/api/v1/status/')).location).toBe(`https://127.0.0.1:${api.port}/api/v1/status`);
    expect(lines.join('')).toContain(`Listening on https://127.0.0.1:${api.port}`);
    await expect(api.get('/healthz')).rejects.toThrow();
  });

  test('what is no TLS is closed at once, and disturbs nobody', async () => {
    await using api = await TestApi.start({ locks: filesOf(server, 'noise') });
    for (const noise of ['GET / HTTP/1.1\r\n\r\n', '\x16\x03\x01\x00', '\0'.repeat(10_000)]) {
      const socket = connectPlain(api.port, '127.0.0.1');
      socket.on('error', () => undefined);
      socket.end(noise);
      socket.resume();
      await once(socket, 'close');
    }
    expect((await call(api, '/healthz')).status).toBe(200);
  });

  test('who only opens a connection is cut off', async () => {
    await using api = await TestApi.start({
      locks: filesOf(server, 'idle'),
      limits: { headersMs: 200, checkMs: 50 },
    });
    const socket = connectPlain(api.port, '127.0.0.1');
    socket.on('error', () => undefined);
    await once(socket.resume(), 'close');
  });
});

describe('a renewed certificate', () => {
  async function start(name: string) {
    const clock = new HeldClock(Date.now());
    const { log, lines } = readableLog();
    const files = filesOf(server, name);
    const api = await TestApi.start({ locks: files, clock, log });
    const until = (condition: () => boolean | Promise<boolean>): Promise<void> =>
      looksUntil(clock, condition);
    return { api, clock, lines, files, until };
  }

  test('is shown to whoever comes next, while connections that are open go on', async () => {
    const { api, files, until } = await start('renewed');
    await using _ = api;
    const agent = new HttpsAgent({ keepAlive: true, maxSockets: 1 });
    await call(api, '/healthz', { agent });
    expect(await shownBy(api)).toBe(serialOf(server));
    const next = pki.issue('localhost', { names: 'IP:127.0.0.1' });
    copyFileSync(next.certFile, files.tlsCert);
    copyFileSync(next.keyFile, files.tlsKey);
    await until(async () => (await shownBy(api)) === serialOf(next));
    expect((await call(api, '/healthz', { agent })).status).toBe(200);
    expect(Object.values(agent.freeSockets).flat()).toHaveLength(1);
    agent.destroy();
    expect(api.locks.faults()).toEqual([]);
  });

  test.each([
    [
      'expired',
      () => pki.issue('localhost', { validUntil: Date.now() - 1_000 }),
      'the certificate expired on ',
    ],
    [
      'not valid yet',
      () => pki.issue('localhost', { validFrom: Date.now() + DAY_MS }),
      'the certificate is valid only from ',
    ],
    ['no certificate', () => ({ ...server, cert: 'nonsense' }), 'it holds no certificate in PEM form'],
    [
      'a broken one',
      () => ({ ...server, cert: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n' }),
      'it holds a certificate that cannot be read',
    ],
  ])('that is %s leaves the one before in place, and says so', async (name, make, why) => {
    const { api, files, until, lines } = await start(`broken-${name}`);
    await using _ = api;
    const { cert, key } = make();
    writeFileSync(files.tlsCert, cert);
    writeFileSync(files.tlsKey, key);
    await until(() => api.locks.faults().length > 0);
    expect(api.locks.faults()).toEqual([expect.stringContaining(`--tls-cert: ${why}`)]);
    expect(api.locks.faults()[0]).toContain('(the one before stays in use)');
    expect(api.locks.faults()[0]).not.toContain(pki.dir);
    expect(lines.filter((line) => line.includes(why))).toHaveLength(1);
    expect(await shownBy(api)).toBe(serialOf(server));
    copyFileSync(server.certFile, files.tlsCert);
    copyFileSync(server.keyFile, files.tlsKey);
    await until(() => api.locks.faults().length === 0);
  });

  test('whose key does not come with it is not used', async () => {
    const { api, files, until } = await start('lost-key');
    await using _ = api;
    copyFileSync(pki.issue('localhost').certFile, files.tlsCert);
    await until(() => api.locks.faults().length > 0);
    expect(api.locks.faults()).toEqual([
      '--tls-key: it does not belong to the certificate of --tls-cert (the one before stays in use)',
    ]);
    expect((await call(api, '/healthz')).status).toBe(200);
  });

  test('is asked for in the last quarter of its life, each day, and when it is too late', async () => {
    const clock = new HeldClock(Date.now());
    const { log, lines } = readableLog();
    // From yesterday until in thirty days.
    await using api = await TestApi.start({ locks: filesOf(server, 'ends'), clock, log });
    const told = (words: string) => lines.filter((line) => line.includes(words)).length;
    const toldBy = async (days: number) => {
      await clock.advance(days * DAY_MS);
      return { ahead: told('the certificate expires on'), late: told('the certificate expired on') };
    };
    expect(await toldBy(22)).toEqual({ ahead: 0, late: 0 });
    expect(await toldBy(1)).toEqual({ ahead: 1, late: 0 });
    expect(await toldBy(6)).toEqual({ ahead: 7, late: 0 });
    expect(api.locks.faults()).toEqual([]);
    expect((await toldBy(2)).late).toBeGreaterThan(0);
    expect(api.locks.faults()).toContain('--tls-cert: the certificate in use has expired');
  });

  test('leaves nothing behind when the API is closed', async () => {
    const { api, clock } = await start('closed');
    await api[Symbol.asyncDispose]();
    expect(clock.pending).toBe(0);
  });
});

describe('a start fails, in one line, with', () => {
  const bad: [string, () => Record<string, string>, string][] = [
    [
      'a certificate that is not there',
      () => ({ tlsCert: '/no/such.crt' }),
      '--tls-cert /no/such.crt: there is no such file',
    ],
    [
      'a key that is not there',
      () => ({ tlsKey: '/no/such.key' }),
      '--tls-key /no/such.key: there is no such file',
    ],
    [
      'the key of another',
      () => ({ tlsKey: client.keyFile }),
      '--tls-key KEY: it does not belong to the certificate of --tls-cert',
    ],
    [
      'a certificate for a key',
      () => ({ tlsKey: server.certFile }),
      '--tls-key KEY: it holds no private key in PEM form',
    ],
    [
      'a key for a certificate',
      () => ({ tlsCert: server.keyFile }),
      '--tls-cert CERT: it holds no certificate in PEM form',
    ],
    [
      'an expired one',
      () => filesOf(pki.issue('x', { validUntil: Date.now() - 1_000 }), 'e'),
      '--tls-cert CERT: the certificate expired on ',
    ],
    [
      'no authority',
      () => ({ tlsClientCa: server.keyFile }),
      '--tls-client-ca CA: it holds no certificate in PEM form',
    ],
    [
      'a key that needs a passphrase',
      () => ({ tlsKey: encryptedKey() }),
      '--tls-key KEY: the key is encrypted, which only a person could undo',
    ],
    ['a folder', () => ({ tlsCert: pki.dir }), '--tls-cert CERT: it is no regular file'],
  ];
  test.each(bad)('%s', async (_name, change, message) => {
    const locks = { tlsCert: server.certFile, tlsKey: server.keyFile, ...change() };
    const { tlsCert, tlsKey, tlsClientCa = '' } = locks as Record<string, string>;
    const words = message
      .replace('CERT', tlsCert ?? '')
      .replace('KEY', tlsKey ?? '')
      .replace('CA:', `${tlsClientCa}:`);
    await expect(TestApi.start({ locks })).rejects.toMatchObject({
      name: 'StartError',
      exitStatus: 1,
      message: expect.stringContaining(words),
    });
  });

  function encryptedKey(): string {
    const file = path.join(pki.dir, 'encrypted.key');
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' });
    writeFileSync(file, pem);
    return file;
  }
});
