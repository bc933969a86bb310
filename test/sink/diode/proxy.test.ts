import { expect, test, vi } from 'vitest';
import { parseTarget } from '../../../src/sink/target.ts';
import { startConnectProxy } from '../../support/connect-proxy.ts';
import { FakeDiode } from '../../support/fake-diode.ts';
import { deviceBatch, noSignal, testTls } from '../support.ts';
import { failureOf, startSink } from './support.ts';

test('tokens and calls go through the proxy, to the name that it is told', async () => {
  await using diode = await FakeDiode.start();
  await using proxy = await startConnectProxy(diode.port);
  const env = { HTTP_PROXY: proxy.url.replace('//', '//me:p%40ss@') };
  await using sink = await startSink(diode, { target: parseTarget('grpc://diode.test/a'), env });
  expect(sink.health().reason).toContain('Not Found');
  await using direct = await startSink(diode, { target: parseTarget('grpc://diode.test'), env });
  await direct.send(deviceBatch(['r1']), noSignal);
  expect(diode.acknowledged.calls).toBe(1);
  expect(proxy.asked.map(({ authority }) => authority)).toEqual(Array(3).fill('diode.test:80'));
  const authorization = `Basic ${Buffer.from('me:p@ss').toString('base64')}`;
  expect(proxy.asked.map(({ headers }) => headers['proxy-authorization'])).toEqual(
    Array(3).fill(authorization),
  );
  expect(diode.tokenRequests[1]?.headers.host).toBe('diode.test:80');
});

test('TLS goes through the proxy from end to end', async () => {
  const tls = { key: testTls('server.key').pem, cert: testTls('server.crt').pem };
  await using diode = await FakeDiode.start({ tls });
  await using proxy = await startConnectProxy(diode.port);
  const target = parseTarget('grpcs://diode.test');
  await using sink = await startSink(diode, {
    target,
    env: { https_proxy: proxy.url, DIODE_SKIP_TLS_VERIFY: '1' },
  });
  await sink.send(deviceBatch(['r1']), noSignal);
  expect(diode.acknowledged.calls).toBe(1);
  await using verifying = await startSink(diode, {
    target,
    env: { https_proxy: proxy.url, DIODE_CERT_FILE: testTls('ca.crt').path },
  });
  expect(verifying.health().reason).toContain("does not match certificate's altnames");
  expect(proxy.asked[0]?.authority).toBe('diode.test:443');
});

test('a proxy that refuses, or is away, is the reason', async () => {
  await using diode = await FakeDiode.start();
  const target = parseTarget('grpc://diode.test');
  const refusing = await startConnectProxy(diode.port, true);
  await using sink = await startSink(diode, { target, env: { HTTP_PROXY: refusing.url } });
  expect(sink.health().reason).toContain('the proxy refused to connect to diode.test:80 (403)');
  await refusing[Symbol.asyncDispose]();
  const error = await failureOf(sink.send(deviceBatch(['r1']), noSignal));
  expect(error).toMatchObject({
    kind: 'unavailable',
    message: expect.stringContaining('proxy: connect ECONNREFUSED'),
  });
});

test('a proxy that nobody can read stops the start and names the variable', async () => {
  await using diode = await FakeDiode.start();
  const target = parseTarget('grpc://diode.test');
  const error = await failureOf(startSink(diode, { target, env: { HTTP_PROXY: 'pass:word' } }));
  expect(error.kind).toBe('fatal');
  expect(error.message).toMatch(/^Unable to connect to Diode Server: HTTP_PROXY should be/);
  expect(error.message).not.toContain('word@');
});

test('the library finds no proxy of its own, in whatever letters', async () => {
  await using diode = await FakeDiode.start();
  await using proxy = await startConnectProxy(diode.port);
  const names = ['grpc_proxy', 'http_proxy', 'https_proxy', 'HTTP_PROXY', 'HTTPS_PROXY'];
  for (const name of names) vi.stubEnv(name, proxy.url);
  // Named by an address that is no loopback for the library, and is one for the machine.
  const target = parseTarget(`grpc://127.0.0.2:${diode.port}`);
  await using elsewhere = await FakeDiode.start({ host: '127.0.0.2', port: diode.port });
  await using sink = await startSink(elsewhere, {
    target,
    env: { NO_PROXY: '127.0.0.2', ...proxied(proxy.url) },
  });
  await sink.send(deviceBatch(['r1']), noSignal);
  expect(elsewhere.acknowledged.calls).toBe(1);
  expect(proxy.asked).toEqual([]);
  vi.unstubAllEnvs();
});

function proxied(url: string): Record<string, string> {
  return { HTTP_PROXY: url, http_proxy: url, HTTPS_PROXY: url, https_proxy: url };
}
