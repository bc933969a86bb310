import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { FakeDiode } from '../support/fake-diode.ts';
import { isAlive } from '../support/real-daemon.ts';
import { Container, docker, runToEnd } from './container.ts';

const hostile = path.resolve('test/support/backends/hostile');
const devices = [{ name: 'r1', address: '192.0.2.1/24' }, { name: 'r2' }];
const dryRun = ['orb-worker', '--host', '127.0.0.1', '--port', '0', '--dry-run'];

describe('the documented command', () => {
  const secret = 'a-planted-secret-7Zq';
  const credentials = ['-c', '${DIODE_CLIENT_ID}', '-k', '${DIODE_CLIENT_SECRET}'];
  const variables = ['-e', 'DIODE_CLIENT_ID=a-client', '-e', `DIODE_CLIENT_SECRET=${secret}`];

  const startAt = (diode: FakeDiode): Promise<Container> =>
    Container.start(['orb-worker', '-s', '127.0.0.1', '-p', '0', '-t', diode.target, ...credentials], {
      flags: variables,
    });

  test('delivers to Diode with the credentials of its environment, becomes healthy, and stops at once', async () => {
    await using diode = await FakeDiode.start();
    await using container = await startAt(diode);
    await container.runOnce('sample', devices, { site: 'Lab' });
    expect(diode.tokenRequests[0]?.form).toMatchObject({ client_id: 'a-client', client_secret: secret });
    expect(diode.acknowledged.entities).toBe(3);
    await container.becomes('healthy');

    const processes = await container.processes();
    const startedAt = performance.now();
    await docker('stop', container.id);
    expect(performance.now() - startedAt).toBeLessThan(3_000);
    expect(await container.inspect('{{.State.ExitCode}}')).toBe('0');
    await container.line(/Stopped, nothing was left/);
    expect(processes.length).toBeGreaterThan(2);
    expect(processes.filter(({ pid }) => isAlive(pid))).toEqual([]);
  });

  test('shows its secret nowhere', async () => {
    await using diode = await FakeDiode.start();
    await using container = await startAt(diode);
    await container.runOnce('sample', devices, { site: 'Lab' });
    const processes = await container.processes();
    const isolates = processes.filter(({ command }) => command.includes('backend'));
    const seen = {
      log: await container.log(),
      command: await container.inspect('{{json .Config.Cmd}} {{json .Args}} {{json .Path}}'),
      processes: processes.map(({ command }) => command).join('\n'),
      environments: isolates.map(({ pid }) => readFileSync(`/proc/${pid}/environ`, 'utf8')).join('\n'),
    };
    expect(seen.command).toContain('${DIODE_CLIENT_SECRET}');
    expect(seen.processes).toContain('orb-worker');
    expect(seen.environments).toContain('PATH=');
    for (const text of Object.values(seen)) expect(text).not.toContain(secret);
  });
});

test('a stop cuts off backends that do not listen, in time', async () => {
  const flags = ['-v', `${hostile}:/opt/backends/hostile:ro`];
  await using container = await Container.start(dryRun, { flags });
  const policy = (mood: string): object => ({ config: { package: 'hostile' }, scope: { mood } });
  await container.apply({ spins: policy('spins'), waits: policy('ignoresSignal') });
  const running = `${await container.url()}/api/v1/runs?status=running`;
  await expect
    .poll(async () => await (await fetch(running)).json(), { timeout: 20_000 })
    .toMatchObject({ runs: [{}, {}] });
  const processes = await container.processes();
  const startedAt = performance.now();
  await docker('stop', container.id);
  expect(performance.now() - startedAt).toBeLessThan(6_000);
  expect(await container.inspect('{{.State.ExitCode}} {{.State.OOMKilled}}')).toBe('0 false');
  expect(processes.filter(({ pid }) => isAlive(pid))).toEqual([]);
});

test('Ctrl-C stops it, too', async () => {
  await using container = await Container.start(dryRun);
  await container.url();
  await docker('kill', '--signal', 'INT', container.id);
  expect(await docker('wait', container.id)).toBe('0');
});

test('what backends leave behind is reaped', async () => {
  const flags = ['-v', `${path.resolve('test/image/backends')}:/opt/backends:ro`];
  await using container = await Container.start(dryRun, { flags });
  await container.runOnce('orphans', null);
  await container.line(/ 0 of 20 orphans are left/);
});

test('without a command the daemon runs, with what variables say, on every address', async () => {
  const flags = ['-e', 'ORB_WORKER_DRY_RUN=true'];
  await using container = await Container.start([], { network: 'none', flags });
  await container.becomes('healthy');
  // 8071 in the kernel's words.
  expect((await container.exec('cat', '/proc/net/tcp')).text).toMatch(/: 00000000:1F87 00000000:0000 0A /);
});

test('wrong flags end it with status 2 and a line that says why', async () => {
  const { status, text } = await runToEnd([], ['orb-worker', '-p', 'abc']);
  expect(status).toBe(2);
  expect(text).toContain("orb-worker: error: argument -p/--port: invalid int value: 'abc'");
});
