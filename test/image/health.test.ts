import { expect, test } from 'vitest';
import { TestPki } from '../support/pki.ts';
import { type Answer, Container } from './container.ts';

const check = (container: Container): Promise<Answer> =>
  container.exec('node', '/opt/orb-worker/docker/healthcheck.mjs');

test.each([
  ['a port of its own', ['--port', '9001']],
  ['a port of a shortened flag', ['-dp9002']],
  ['one address', ['--host', '127.0.0.7']],
  ['IPv6', ['--host', '::1', '--port', '0']],
])('a daemon on %s is found', async (_name, command) => {
  const flags = ['--sysctl', 'net.ipv6.conf.all.disable_ipv6=0'];
  const options = { network: 'none', flags } as const;
  await using container = await Container.start(['orb-worker', '--dry-run', ...command], options);
  await container.url();
  expect(await check(container)).toEqual({ status: 0, text: '' });
});

test('a daemon that speaks TLS, and asks strangers for certificates, is found', async () => {
  using pki = new TestPki();
  const { certFile, keyFile } = pki.issue('elsewhere', { names: 'DNS:elsewhere' });
  const files = [certFile, keyFile, pki.caFile];
  const mounts = files.flatMap((file, at) => ['-v', `${file}:/tls/${at}:ro`]);
  const tls = ['--tls-cert', '/tls/0', '--tls-key', '/tls/1', '--tls-client-ca', '/tls/2'];
  const options = { network: 'none', flags: ['--user', 'root', ...mounts] } as const;
  await using container = await Container.start(['orb-worker', '--dry-run', ...tls], options);
  await container.url();
  expect(await check(container)).toEqual({ status: 0, text: '' });
});

test('a daemon that stands still is not healthy', async () => {
  await using container = await Container.start(['orb-worker', '--dry-run'], { network: 'none' });
  await container.url();
  const daemon = (await container.processes()).find(({ command }) => command === 'orb-worker');
  process.kill(daemon?.pid ?? Number.NaN, 'SIGSTOP');
  expect(await check(container)).toMatchObject({ status: 1, text: expect.stringContaining('aborted') });
});

test('a container without a daemon is not healthy', async () => {
  await using container = await Container.start(['sleep', '60'], { network: 'none' });
  expect(await check(container)).toEqual({ status: 1, text: 'no daemon runs' });
});
