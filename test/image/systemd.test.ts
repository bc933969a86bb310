import { existsSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
import { Container, docker } from './container.ts';

const image = 'worker:systemd';
const patience = { timeout: 30_000, interval: 250 };

/** What systemd needs of the kernel; where groups are of the newer kind, it needs to write to them, too. */
const rights = existsSync('/sys/fs/cgroup/cgroup.controllers')
  ? ['--privileged']
  : [
      '--cap-add',
      'SYS_ADMIN',
      '--security-opt',
      'seccomp=unconfined',
      '--security-opt',
      'apparmor=unconfined',
    ];
const flags = [
  ...rights,
  '--cgroupns',
  'private',
  '--tmpfs',
  '/run',
  '--tmpfs',
  '/tmp',
  '--env',
  'container=docker',
];

const applyPolicies = `
  const body = JSON.stringify({ policies: {
    listed: { config: { package: 'sample', site: 'Lab' }, scope: [{ name: 'r1' }] },
    found: { config: { package: 'host' }, scope: null },
  } });
  const headers = { 'content-type': 'application/x-yaml' };
  const reply = await fetch('http://127.0.0.1:8071/api/v1/policies', { method: 'POST', headers, body });
  process.stdout.write(await reply.text());
`;

beforeAll(async () => {
  const folder = 'test/image';
  await docker(
    'build',
    '--network',
    'host',
    '--tag',
    image,
    '--file',
    `${folder}/systemd.Dockerfile`,
    folder,
  );
}, 180_000);

test('under the unit the daemon runs backends, is restarted when it stands still, and stops cleanly', async () => {
  await using machine = await Container.start([], { network: 'none', image, flags });
  const show = async (property: string): Promise<string> =>
    (await machine.exec('systemctl', 'show', 'orb-worker', '--value', '--property', property)).text;
  const journal = async (): Promise<string> =>
    (await machine.exec('journalctl', '--unit', 'orb-worker', '--output', 'cat', '--no-pager')).text;

  await expect.poll(() => show('ActiveState'), patience).toBe('active');
  expect(await machine.exec('systemd-analyze', 'verify', 'orb-worker.service')).toEqual({
    status: 0,
    text: '',
  });
  const { text } = await machine.exec('node', '--input-type=module', '--eval', applyPolicies);
  expect(text).toContain("policies ['listed', 'found'] were started");
  await expect.poll(journal, patience).toMatch(/Policy listed: Successfully ingested 1 /);
  await expect.poll(journal, patience).toMatch(/Policy found: Successfully ingested \d+ /);

  const startedAt = await show('ExecMainStartTimestamp');
  await expect.poll(() => show('WatchdogTimestamp'), patience).not.toBe(startedAt);
  expect(await show('NRestarts')).toBe('0');
  await machine.exec('systemctl', 'kill', '--signal', 'STOP', '--kill-whom', 'main', 'orb-worker');
  await expect.poll(() => show('NRestarts'), patience).toBe('1');
  expect(await journal()).toContain('Watchdog timeout');
  await expect.poll(() => show('ActiveState'), patience).toBe('active');
  expect(await journal()).toContain("Going on with 2 policies of the daemon's earlier life");

  await machine.exec('systemctl', 'stop', 'orb-worker');
  expect([await show('Result'), await show('ExecMainStatus')]).toEqual(['success', '0']);
  expect(await journal()).toContain('Stopped, nothing was left');
}, 120_000);
