import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseTarget } from '../../../src/sink/target.ts';
import { startConnectProxy } from '../../support/connect-proxy.ts';
import { FakeDiode } from '../../support/fake-diode.ts';
import { type Issued, TestPki } from '../../support/pki.ts';
import { deviceBatch, noSignal, testTls } from '../support.ts';
import { failureOf, startSink } from './support.ts';

const key = testTls('server.key').pem;
const cert = testTls('server.crt').pem;
const trusting = { DIODE_CERT_FILE: testTls('ca.crt').path };

/** False for a Node that takes IPv6 addresses for host names here, as some of the 22 line do: they verify none. */
function canVerify(name: string): boolean {
  const subjectaltname = 'DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1';
  const certificate = { subject: {}, subjectaltname } as PeerCertificate;
  return checkServerIdentity(name.replace(/^\[|\]$/g, ''), certificate) === undefined;
}

describe.each([
  ['127.0.0.1', '127.0.0.1'],
  ['::1', '[::1]'],
  ['127.0.0.1', 'localhost'],
])('listening at %s, called %s', (host, name) => {
  test.runIf(canVerify(name))('its certificate is verified by the authority in DIODE_CERT_FILE', async () => {
    await using diode = await FakeDiode.start({ tls: { key, cert }, host });
    const target = parseTarget(`grpcs://${name}:${diode.port}`);
    await using sink = await startSink(diode, { target, env: trusting });
    await sink.send(deviceBatch(['r1']), noSignal);
    expect(diode.acknowledged.calls).toBe(1);
  });

  test('an unknown authority is an error, for tokens and for calls', async () => {
    await using diode = await FakeDiode.start({ tls: { key, cert }, host });
    const target = parseTarget(`grpcs://${name}:${diode.port}`);
    await using sink = await startSink(diode, { target });
    expect(sink.health().reason).toMatch(
      /Failed to obtain access token: unable to verify the first certificate/,
    );
    const error = await failureOf(sink.send(deviceBatch(['r1']), noSignal));
    expect(error.kind).toBe('unavailable');
    expect(diode.tokenRequests).toEqual([]);
  });

  test.each(['true', '1', 'YES', 'on'])(
    'DIODE_SKIP_TLS_VERIFY=%s takes any certificate, over TLS',
    async (text) => {
      await using diode = await FakeDiode.start({ tls: { key, cert }, host });
      const target = parseTarget(`grpcs://${name}:${diode.port}`);
      await using sink = await startSink(diode, { target, env: { DIODE_SKIP_TLS_VERIFY: text } });
      await sink.send(deviceBatch(['r1']), noSignal);
      expect(diode.acknowledged.calls).toBe(1);
    },
  );
});

test('skipping verification never means plaintext', async () => {
  await using diode = await FakeDiode.start();
  const target = parseTarget(`grpcs://127.0.0.1:${diode.port}`);
  await using sink = await startSink(diode, { target, env: { DIODE_SKIP_TLS_VERIFY: '1' } });
  expect(sink.health().ok).toBe(false);
  await failureOf(sink.send(deviceBatch(['r1']), noSignal));
  expect(diode.tokenRequests).toEqual([]);
  expect(diode.requests).toEqual([]);
});

test('a plaintext target does not look at certificates', async () => {
  await using diode = await FakeDiode.start();
  await using sink = await startSink(diode, { env: { DIODE_CERT_FILE: '/nowhere' } });
  await sink.send(deviceBatch(['r1']), noSignal);
  expect(diode.acknowledged.calls).toBe(1);
});

test('a name that the certificate does not hold is an error even for a trusted authority', async () => {
  await using diode = await FakeDiode.start({ tls: { key, cert }, host: '127.0.0.2' });
  await using sink = await startSink(diode, { env: trusting });
  expect(sink.health().reason).toContain("does not match certificate's altnames");
  expect((await failureOf(sink.send(deviceBatch(['r1']), noSignal))).message).toContain('altnames');
});

describe('an authority of the house', () => {
  let pki: TestPki;
  beforeAll(() => {
    pki = new TestPki();
  });
  afterAll(() => pki[Symbol.dispose]());

  const diode = (issued: Issued) => FakeDiode.start({ tls: { key: issued.key, cert: issued.cert } });
  const env = () => ({ DIODE_CERT_FILE: pki.caFile });

  test('vouches for a receiver by its name, which it is told (SNI)', async () => {
    await using receiver = await diode(pki.issue('localhost', { names: 'DNS:localhost' }));
    const target = parseTarget(`grpcs://localhost:${receiver.port}`);
    await using sink = await startSink(receiver, { target, env: env() });
    await sink.send(deviceBatch(['r1']), noSignal);
    expect(receiver.acknowledged.calls).toBe(1);
    expect(receiver.serverNames).toEqual(['localhost', 'localhost']);
  });

  test.each([
    [
      'that expired',
      () => ({ names: 'IP:127.0.0.1', validUntil: Date.now() - 1_000 }),
      'certificate has expired',
    ],
    [
      'that is not valid yet',
      () => ({ names: 'IP:127.0.0.1', validFrom: Date.now() + 86_400_000 }),
      'certificate is not yet valid',
    ],
    ['for another name', () => ({ names: 'DNS:diode.example' }), "does not match certificate's altnames"],
  ])('does not help one %s: the reason says so, and nothing is sent', async (_name, wanted, why) => {
    await using receiver = await diode(pki.issue('x', wanted()));
    await using sink = await startSink(receiver, { env: env() });
    expect(sink.health().reason).toContain(why);
    const error = await failureOf(sink.send(deviceBatch(['r1']), noSignal));
    expect(error).toMatchObject({ kind: 'unavailable', message: expect.stringContaining(why) });
    expect(receiver.tokenRequests).toEqual([]);
    expect(receiver.requests).toEqual([]);
  });

  test('holds through a proxy as well: the receiver is verified, not the proxy', async () => {
    await using receiver = await diode(pki.issue('x', { names: 'DNS:diode.test' }));
    await using proxy = await startConnectProxy(receiver.port);
    const target = parseTarget('grpcs://diode.test:8443');
    const proxied = { ...env(), http_proxy: proxy.url };
    await using sink = await startSink(receiver, { target, env: proxied });
    await sink.send(deviceBatch(['r1']), noSignal);
    expect(receiver.acknowledged.calls).toBe(1);
    expect(proxy.asked.map(({ authority }) => authority)).toEqual(['diode.test:8443', 'diode.test:8443']);
    expect(receiver.serverNames).toEqual(['diode.test', 'diode.test']);
    await using wrong = await startSink(receiver, {
      target: parseTarget('grpcs://other.test'),
      env: proxied,
    });
    expect(wrong.health().reason).toContain("does not match certificate's altnames");
  });
});
