import { copyFileSync, writeFileSync } from 'node:fs';
import { get, type RequestOptions } from 'node:https';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { TestPki } from '../support/pki.ts';
import { RealDaemon, runProgram } from '../support/real-daemon.ts';
import { dryRunFlags, policy } from './support.ts';

const TOKEN = '6d0c3f0b7a5e4b1f';

let pki: TestPki;
beforeAll(() => {
  pki = new TestPki();
});
afterAll(() => pki[Symbol.dispose]());

function fileIn(name: string, content: string): string {
  const file = path.join(pki.dir, name);
  writeFileSync(file, content);
  return file;
}

function overTls(daemon: RealDaemon, url: string, options: RequestOptions = {}): Promise<[number, string]> {
  return new Promise((resolve, reject) => {
    const target = { host: '127.0.0.1', port: daemon.port, path: url, ca: pki.ca, agent: false, ...options };
    get(target, (reply) => {
      text(reply).then((body) => resolve([reply.statusCode ?? 0, body]), reject);
    }).on('error', reject);
  });
}

test('a daemon with tokens: strangers, readers, and those who may do everything', async () => {
  const reader = fileIn('reader', 'reader-token\n');
  const flags = [...dryRunFlags(), '--api-token', '${TOKEN}', '--api-read-token', `file:${reader}`];
  await using daemon = await RealDaemon.start([...flags, '--host', '0.0.0.0'], { env: { TOKEN, S: 'x' } });
  const ask = (token: string, method = 'GET', url = '/api/v1/status', body = '') =>
    daemon.request(url, {
      method,
      body,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/x-yaml' },
    });

  const stranger = await daemon.request('/api/v1/status');
  expect([stranger.status, stranger.headers['www-authenticate']]).toEqual([401, 'Bearer']);
  expect((await ask('reader-token')).status).toBe(200);
  // Expanded although the address is no loopback: whoever showed a token may name any variable.
  const document = policy('p', 'pkg', {}, { site: '${S}' });
  expect((await ask('reader-token', 'POST', '/api/v1/policies', document)).status).toBe(403);
  expect((await ask(TOKEN, 'POST', '/api/v1/policies', document)).status).toBe(201);
  expect((await daemon.request('/readyz')).json()).toEqual({ status: 'ok', reasons: [] });

  writeFileSync(reader, '');
  await vi.waitUntil(async () => (await ask('reader-token')).status === 401, {
    timeout: 10_000,
    interval: 100,
  });
  expect((await daemon.request('/readyz')).json()).toEqual({
    status: 'degraded',
    reasons: ['--api-read-token: it is empty (it lets nobody in)'],
  });
  expect((await ask(TOKEN)).status).toBe(200);
  writeFileSync(reader, 'reader-token\nnext-token\n');
  await vi.waitUntil(async () => (await ask('next-token')).status === 200, {
    timeout: 10_000,
    interval: 100,
  });
  expect(daemon.lines.filter((line) => /asks for no credentials/.test(line))).toEqual([]);
});

test('an open daemon that others can reach warns of it at its start', async () => {
  await using daemon = await RealDaemon.start([...dryRunFlags(), '--host', '0.0.0.0']);
  await daemon.line(/^WARNING: api: Whoever reaches .* it asks for no credentials/);
});

test('a daemon with a certificate takes the next one without a restart, and lets clients in by theirs', async () => {
  const first = pki.issue('daemon', { names: 'IP:127.0.0.1' });
  const next = pki.issue('daemon', { names: 'IP:127.0.0.1' });
  const client = pki.issue('agent', { usage: 'clientAuth' });
  const [tlsCert, tlsKey] = [fileIn('tls.crt', first.cert), fileIn('tls.key', first.key)];
  const locks = ['--tls-cert', tlsCert, '--tls-key', tlsKey, '--tls-client-ca', pki.caFile];
  await using daemon = await RealDaemon.start([...dryRunFlags(), ...locks]);
  expect((await overTls(daemon, '/healthz'))[0]).toBe(200);
  expect((await overTls(daemon, '/api/v1/status'))[0]).toBe(401);
  expect((await overTls(daemon, '/api/v1/status', client))[0]).toBe(200);

  // The certificate first, as most tools do it: for a moment its key is another's.
  copyFileSync(next.certFile, tlsCert);
  await daemon.line(/ERROR: api: --tls-key: it does not belong to the certificate of --tls-cert/);
  expect(JSON.parse((await overTls(daemon, '/readyz'))[1])).toMatchObject({ status: 'degraded' });
  copyFileSync(next.keyFile, tlsKey);
  await vi.waitUntil(async () => (await overTls(daemon, '/readyz'))[1].includes('"ok"'), {
    timeout: 10_000,
    interval: 100,
  });
  expect(daemon.lines.filter((line) => line.includes('The certificate in use is valid until'))).toHaveLength(
    2,
  );
});

test.each([
  [['--api-token', ''], 2, 'orb-worker: error: argument --api-token: the token is empty'],
  [['--api-token', 'a\nb'], 2, 'orb-worker: error: argument --api-token: the token has a line break in it'],
  [['--api-token', 'file:/no/such/file'], 1, 'ERROR: --api-token /no/such/file: there is no such file'],
  [['--tls-cert', '/c'], 2, 'orb-worker: error: --tls-key required with --tls-cert'],
  [['--tls-cert', '/c', '--tls-key', '/k'], 1, 'ERROR: --tls-cert /c: there is no such file'],
])('%j: status %d and one line that says why', async (flags, status, line) => {
  const ended = await runProgram(['--dry-run', '--port', '0', ...flags]);
  expect([ended.status, ended.stderr.trimEnd().split('\n').at(-1)]).toEqual([status, line]);
});

test('a certificate that has expired stops the start', async () => {
  const { certFile, keyFile } = pki.issue('daemon', { validUntil: Date.now() - 1_000 });
  const ended = await runProgram(['--dry-run', '--port', '0', '--tls-cert', certFile, '--tls-key', keyFile]);
  expect(ended.status).toBe(1);
  expect(ended.stderr).toMatch(/^ERROR: --tls-cert \S+: the certificate expired on \S+$/);
});
