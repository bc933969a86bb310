import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { settleTimezone } from '../../src/cli/settle-timezone.ts';
import { RealDaemon } from '../support/real-daemon.ts';
import { runProgram } from './support.ts';

const backends = new URL('../support/backends', import.meta.url).pathname;
const machinesZone = execFileSync(
  process.execPath,
  ['--print', 'Intl.DateTimeFormat().resolvedOptions().timeZone'],
  { env: {}, encoding: 'utf8' },
).trim();
const scheduled = 'policies: {daily: {config: {package: plain, schedule: "0 3 * * *"}, scope: null}}';

describe('TZ', () => {
  test.each([
    ['Europe/Berlin', 'Europe/Berlin'],
    ['UTC', 'UTC'],
    ['EST5EDT', 'EST5EDT'],
    ['Etc/GMT+3', 'Etc/GMT+3'],
    [' Europe/Berlin\n', 'Europe/Berlin'],
    [':Europe/Berlin', 'Europe/Berlin'],
    ['europe/berlin', 'Europe/Berlin'],
    ['/usr/share/zoneinfo/Europe/Berlin', 'Europe/Berlin'],
    [':/usr/share/zoneinfo/posix/Europe/Berlin', 'Europe/Berlin'],
    ['', undefined],
    [':', undefined],
    [':/etc/localtime', undefined],
    [undefined, undefined],
  ])('%j is %j to Node', (written, settled) => {
    const env = { TZ: written };
    settleTimezone(env);
    expect(env.TZ).toBe(settled);
  });

  test.each([
    ...['Mars/Olympus', 'Europe', 'zone.tab', 'CET-1CEST', 'UTC0', '+03:00', '<+03>-3', '/etc/passwd'],
    ...[
      '../../../etc/passwd',
      'Etc/../../../../etc/passwd',
      '/usr/share/zoneinfo/',
      '/usr/share/zoneinfo/../x',
    ],
  ])('%j is none', (written) => {
    expect(() => settleTimezone({ TZ: written })).toThrow(
      `variable TZ: '${written}' is no time zone that is known here (such as Europe/Berlin or UTC)`,
    );
  });

  test('that names no zone stops the start, not the help', async () => {
    const { status, stderr } = await runProgram(['--dry-run', '--port', '0'], { TZ: 'Mars/Olympus' });
    expect(status).toBe(2);
    expect(stderr).toContain("\norb-worker: error: variable TZ: 'Mars/Olympus' is no time zone");
    expect((await runProgram(['--help'], { TZ: 'Mars/Olympus' })).status).toBe(0);
  });

  test.each([
    ['', machinesZone],
    [':Asia/Tokyo', 'Asia/Tokyo'],
  ])('%j is that of schedules', async (TZ, zone) => {
    await using daemon = await RealDaemon.start(['--dry-run', '--backends-dir', backends], { env: { TZ } });
    expect((await daemon.apply(scheduled)).status).toBe(201);
    const { timezone } = (await daemon.request('/api/v1/policies/daily')).json<{ timezone: string }>();
    expect(timezone).toBe(zone);
  });
});
