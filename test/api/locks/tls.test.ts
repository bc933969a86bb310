import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync, writeFileSync } from 'node:fs';
import { Agent as HttpsAgent, request as httpsRequest, type RequestOptions } from 'node:https';
import { connect as connectPlain } from 'node:net';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HeldClock } from '../../support/held-clock.ts';
import { type Issued, TestPki } from '../../support/pki.ts';
import { TestApi } from '../support.ts';
import { looksUntil, readableLog } from './support.ts';

const TOKEN = 'full-0123456789abcdef';
const DAY_MS = 86_400_000;

let pki: TestPki;
let strangers: TestPki;
let server: Issued;
let client: Issued;
beforeAll(() => {
  pki = new TestPki();
  strangers = new TestPki('another authority');
  server = pki.issue('localhost', { names: 'DNS:localhost,IP:127.0.0.1', usage: 'serverAuth' });
  client = pki.issue('agent', { usage: 'clientAuth' });
});
afterAll(() => {
  pki[Symbol.dispose]();
  strangers[Symbol.dispose]();
});

interface Reply {
  readonly status: number;
  readonly detail: unknown;
  readonly location: string | undefined;
}

/** Calls over TLS, the server's certificate verified by its authority. */
function call(api: TestApi, url: string, options: RequestOptions = {}): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const request = httpsRequest({
      host: '127.0.0.1',
      port: api.port,
      path: url,
      ca: pki.ca,
      agent: false,
      ...options,
    });
    request.on('error', reject);
    request.on('response', (response) => {
      text(response).then((body) => {
        const { detail } = body === '' ? {} : JSON.parse(body);
        resolve({ status: response.statusCode ?? 0, detail, location: response.headers.location });
      }, reject);
    });
    request.end();
  });
}

/** The serial number of the certificate that a server shows. */
async function shownBy(api: TestApi): Promise<string> {
  const socket = connectTls({ host: '127.0.0.1', port: api.port, ca: pki.ca });
  await once(socket, 'secureConnect');
  const { serialNumber } = socket.getPeerCertificate();
  socket.destroy();
  return serialNumber;
}

function serialOf({ cert }: Issued): string {
  return new X509Certificate(cert).serialNumber;
}

/** Copies of a certificate's files that a test may write over. */
function filesOf(issued: Issued, name: string): { tlsCert: string; tlsKey: string } {
  const [tlsCert, tlsKey] = [path.join(pki.dir, `${name}.crt`), path.join(pki.dir, `${name}.key`)];
  copyFileSync(issued.certFile, tlsCert);
  copyFileSync(issued.keyFile, tlsKey);
  return { tlsCert, tlsKey };
}

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

describe('client certificates', () => {
  let api: TestApi;
  beforeAll(async () => {
    api = await TestApi.start({ locks: { ...filesOf(server, 'both'), tlsClientCa: pki.caFile } });
  });
  afterAll(() => api[Symbol.asyncDispose]());

  test('one of a known authority opens every route', async () => {
    expect((await call(api, '/api/v1/status', client)).status).toBe(200);
    expect((await call(api, '/api/v1/policies/a', { ...client, method: 'DELETE' })).status).toBe(404);
  });

  test('without one there is nothing but the probes', async () => {
    expect(await call(api, '/api/v1/status')).toMatchObject({
      status: 401,
      detail: 'this needs a client certificate',
    });
    expect((await call(api, '/healthz')).status).toBe(200);
    expect((await call(api, '/readyz')).status).toBe(200);
  });

  test.each([
    ['of another authority', () => strangers.issue('agent', { usage: 'clientAuth' }), /UNABLE_TO_/],
    ['that expired', () => pki.issue('agent', { validUntil: Date.now() - 1_000 }), /CERT_HAS_EXPIRED/],
    ['that is for servers', () => pki.issue('agent', { usage: 'serverAuth' }), /INVALID_PURPOSE/],
  ])('one %s opens nothing, and the reply says why', async (_name, issue, why) => {
    const { status, detail } = await call(api, '/api/v1/status', issue());
    expect(status).toBe(401);
    expect(detail).toMatch(why);
  });

  test('a session that began without one cannot be resumed into one', async () => {
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const sessions: Buffer[] = [];
      const options = { host: '127.0.0.1', port: api.port, ca: pki.ca, maxVersion } as const;
      const first = connectTls({ ...options, ...client });
      first.on('session', (session) => sessions.push(session));
      first.write('GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
      await once(first.resume(), 'close');
      const session = sessions.at(-1) ?? first.getSession();
      const second = connectTls({ ...options, ...(session ? { session } : {}) });
      second.write('GET /api/v1/status HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
      expect(await text(second)).toMatch(/^HTTP\/1.1 401 /);
    }
  });

  test('a page of another site cannot use the one that a browser shows by itself', async () => {
    const from = (origin: string) => call(api, '/api/v1/runs', { ...client, headers: { origin } });
    expect(await from('https://evil.example')).toMatchObject({ status: 401 });
    expect(await from('null')).toMatchObject({ status: 401 });
    expect((await from(`https://127.0.0.1:${api.port}`)).status).toBe(200);
  });

  test('a connection that outlives its certificate has none any more', async () => {
    const clock = new HeldClock(Date.now());
    const short = pki.issue('agent', { validUntil: Date.now() + 3_600_000 });
    await using other = await TestApi.start({
      locks: { ...filesOf(server, 'outlived'), tlsClientCa: pki.caFile },
      clock,
    });
    const agent = new HttpsAgent({ keepAlive: true, maxSockets: 1, ...short });
    expect((await call(other, '/api/v1/status', { agent })).status).toBe(200);
    await clock.advance(3_700_000);
    expect(await call(other, '/api/v1/status', { agent })).toMatchObject({
      status: 401,
      detail: 'the client certificate is not accepted: it has expired',
    });
    agent.destroy();
  });
});

describe('other authorities', () => {
  test('let in whom they know from then on, on no connection that others let in', async () => {
    const clock = new HeldClock(Date.now());
    const tlsClientCa = path.join(pki.dir, 'clients.crt');
    writeFileSync(tlsClientCa, pki.ca);
    await using api = await TestApi.start({ locks: { ...filesOf(server, 'rotated'), tlsClientCa }, clock });
    const busy = connectTls({ host: '127.0.0.1', port: api.port, ca: pki.ca, ...client });
    // Under way while the authorities change: not closed for being idle.
    const head = 'GET /api/v1/status HTTP/1.1\r\nhost: x\r\n';
    busy.write(head);
    const agent = new HttpsAgent({ keepAlive: true, maxSockets: 1, ...client });
    expect((await call(api, '/api/v1/status', { agent })).status).toBe(200);
    writeFileSync(tlsClientCa, strangers.ca);
    const known = strangers.issue('agent');
    await looksUntil(clock, async () => (await call(api, '/api/v1/status', known)).status === 200);
    expect((await call(api, '/api/v1/status', { agent })).status).toBe(401);
    busy.write('connection: close\r\n\r\n');
    expect(await text(busy)).toMatch(/^HTTP\/1.1 401 /);
    agent.destroy();
  });
});

describe('tokens and client certificates together', () => {
  test('either will do', async () => {
    await using api = await TestApi.start({
      locks: {
        ...filesOf(server, 'either'),
        tlsClientCa: pki.caFile,
        apiTokens: [{ kind: 'text', token: TOKEN }],
        apiReadTokens: [{ kind: 'text', token: 'reader' }],
      },
    });
    const authorization = { headers: { authorization: `Bearer ${TOKEN}` } };
    const reader = { headers: { authorization: 'Bearer reader' }, method: 'DELETE' };
    const gone = '/api/v1/policies/a';
    expect((await call(api, '/api/v1/status', client)).status).toBe(200);
    expect((await call(api, '/api/v1/status', authorization)).status).toBe(200);
    expect((await call(api, gone, reader)).status).toBe(403);
    // The certificate allows more.
    expect((await call(api, gone, { ...client, ...reader })).status).toBe(404);
    expect(await call(api, '/api/v1/status')).toMatchObject({
      status: 401,
      detail: 'this needs a bearer token or a client certificate',
    });
  });
});
