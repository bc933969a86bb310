import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { Agent as HttpsAgent } from 'node:https';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HeldClock } from '../../support/held-clock.ts';
import { TestApi } from '../support.ts';
import { looksUntil } from './support.ts';
import { call, client, filesOf, issueCertificates, pki, server, strangers } from './tls.ts';

const TOKEN = 'full-0123456789abcdef';

issueCertificates();

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
