import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { afterAll, describe, expect, test } from 'vitest';
import { notifySystemd } from '../../src/cli/notify-systemd.ts';
import { HeldClock } from '../support/held-clock.ts';
import { descendantsOf, RealDaemon } from '../support/real-daemon.ts';
import { hasSystemdNotify, listen, listenForDatagrams, pathWith, STAND_IN } from './systemd.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'systemd-'));
afterAll(() => rmSync(folder, { recursive: true }));

let sockets = 0;
function newSocket(): string {
  sockets += 1;
  return path.join(folder, `socket-${sockets}`);
}

const programs = [
  {
    program: 'this machine’s systemd-notify',
    findPath: () => process.env.PATH ?? '',
    open: listenForDatagrams,
    isHere: hasSystemdNotify(),
  },
  { program: 'a stand-in', findPath: () => pathWith(folder, STAND_IN), open: listen, isHere: true },
];

describe.each(programs)('a daemon under systemd, by $program,', ({ findPath, open, isHere }) => {
  test.runIf(isHere)('says that it is ready, alive, stopping, in this order', async () => {
    const address = newSocket();
    using systemd = await open(address);
    const env = { PATH: findPath(), NOTIFY_SOCKET: address, WATCHDOG_USEC: '200000' };
    {
      await using _daemon = await RealDaemon.start(['--dry-run'], { env });
      await systemd.heard(3);
    }
    const [first, ...others] = systemd.messages;
    expect([first, others.pop()]).toEqual(['READY=1', 'STOPPING=1']);
    expect(new Set(others)).toEqual(new Set(['WATCHDOG=1']));
  });
});

test('no backend learns where systemd listens', async () => {
  const address = newSocket();
  using systemd = await listen(address);
  const env = { PATH: pathWith(folder, STAND_IN), NOTIFY_SOCKET: address, WATCHDOG_USEC: '60000000' };
  await using daemon = await RealDaemon.start(['--dry-run'], {
    env: { ...env, WATCHDOG_PID: '1', SHOWN: 'yes' },
  });
  await systemd.heard(1);
  const document =
    'policies: { p: { config: { package: sample, site: Lab, schedule: "@yearly" }, scope: [] } }';
  expect((await daemon.apply(document)).status).toBe(201);
  const environments = descendantsOf(daemon.process.pid ?? 0).map((pid) =>
    readFileSync(`/proc/${pid}/environ`, 'utf8'),
  );
  expect(environments.length).toBeGreaterThan(0);
  for (const environment of environments) {
    expect(environment).toContain('SHOWN=yes');
    expect(environment).not.toMatch(/NOTIFY_SOCKET|WATCHDOG/);
  }
});

const silent = pino({ enabled: false });

describe('the watchdog', () => {
  /** What systemd hears in the hour between a start and a stop. */
  async function anHour(variables: Record<string, string>): Promise<readonly string[]> {
    const address = newSocket();
    using systemd = await listen(address);
    const clock = new HeldClock();
    const env = { PATH: pathWith(folder, STAND_IN), NOTIFY_SOCKET: address, ...variables };
    const manager = notifySystemd({ env, clock, log: silent });
    await manager.ready();
    await clock.advance(3_600_000);
    await manager.stopping();
    expect(clock.pending).toBe(0);
    await systemd.heard(2);
    return systemd.messages;
  }

  test.each([{}, { WATCHDOG_PID: String(process.pid) }])(
    'is fed twice as often as it asks for: %j',
    async (pid) => {
      const beats = Array.from({ length: 6 }, () => 'WATCHDOG=1');
      expect(await anHour({ WATCHDOG_USEC: '1200000000', ...pid })).toEqual([
        'READY=1',
        ...beats,
        'STOPPING=1',
      ]);
    },
  );

  test.each([
    {},
    { WATCHDOG_USEC: '' },
    { WATCHDOG_USEC: '0' },
    { WATCHDOG_USEC: '-1' },
    { WATCHDOG_USEC: 'soon' },
    { WATCHDOG_USEC: '1200000000', WATCHDOG_PID: '1' },
  ])('that does not watch the daemon is not fed: %j', async (variables) => {
    expect(await anHour(variables)).toEqual(['READY=1', 'STOPPING=1']);
  });
});

test.each([{}, { NOTIFY_SOCKET: '' }])(
  'without systemd nothing is started and nothing waited for: %j',
  async (variables) => {
    const proof = path.join(folder, 'started');
    const clock = new HeldClock();
    const env = { PATH: pathWith(folder, `#!/bin/sh\ntouch ${proof}\n`), ...variables };
    const manager = notifySystemd({ env, clock, log: silent });
    await manager.ready();
    await manager.stopping();
    expect(existsSync(proof)).toBe(false);
  },
);

test.each([
  ['that is not installed', undefined, /^systemd could not be told READY=1: .*ENOENT/],
  [
    'that fails',
    '#!/bin/sh\necho no socket >&2; exit 1\n',
    /^systemd could not be told READY=1: .*no socket/s,
  ],
  ['that never ends', '#!/bin/sh\nexec sleep 60\n', /^systemd could not be told READY=1: /],
])('a systemd-notify %s is a line in the log', async (_name, script, expected) => {
  const lines: string[] = [];
  const log = pino({}, { write: (line) => void lines.push(JSON.parse(line).msg) });
  const PATH = script === undefined ? folder : pathWith(folder, script);
  const env = { PATH, NOTIFY_SOCKET: newSocket() };
  await notifySystemd({ env, clock: new HeldClock(), log }).ready();
  expect(lines).toEqual([expect.stringMatching(expected)]);
});
