import { execFileSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, type TestContext, test, vi } from 'vitest';
import { WITHOUT_MOUNT } from '../state/support.ts';
import { FakeDiode } from '../support/fake-diode.ts';
import { RealDaemon } from '../support/real-daemon.ts';

const backendsDir = fileURLToPath(new URL('../run/backends', import.meta.url));

let home: string;
let isMounted: boolean;
beforeEach(() => {
  isMounted = false;
  home = mkdtempSync(path.join(tmpdir(), 'orb-faults-'));
});
afterEach(() => {
  if (isMounted) execFileSync('umount', ['-l', dataDir()]);
  rmSync(home, { recursive: true, force: true });
});

const dataDir = (): string => path.join(home, 'data');
const database = (): string => path.join(dataDir(), 'state.sqlite');

/** A file system of the data directory's own; the test is skipped where none may be made. */
function mountData(context: TestContext, size: string): void {
  mkdirSync(dataDir());
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=700`, 'tmpfs', dataDir()], {
      stdio: 'pipe',
    });
  } catch {
    context.skip(WITHOUT_MOUNT);
  }
  isMounted = true;
}

const startFor = (diode: FakeDiode, flags: readonly string[] = []): Promise<RealDaemon> =>
  RealDaemon.start([
    ...['--diode-target', diode.target, '-c', 'id', '-k', 'secret', '--data-dir', dataDir()],
    ...['--backends-dir', backendsDir, ...flags],
  ]);

const documentOf = (names: readonly string[]): string =>
  JSON.stringify({
    policies: Object.fromEntries(
      names.map((name) => [
        name,
        { config: { package: 'scripted', steps: [], schedule: '0 0 1 1 *' }, scope: null },
      ]),
    ),
  });

const apply = async (daemon: RealDaemon, name: string): Promise<number> =>
  (await daemon.apply(documentOf([name]))).status;

interface Ready {
  readonly status: string;
  readonly reasons: readonly string[];
}

async function readyz(daemon: RealDaemon): Promise<[statusCode: number, reasons: string]> {
  const answer = await daemon.request('/readyz');
  return [answer.status, answer.json<Ready>().reasons.join('; ')];
}

async function names(daemon: RealDaemon): Promise<string[]> {
  const { policies } = (await daemon.request('/api/v1/policies')).json<{ policies: { name: string }[] }>();
  return policies.map(({ name }) => name).sort();
}

/** Applies policies until one is refused, or the daemon has noticed by itself; returns those that were not. A file may have room for some. */
async function applyUntilRefused(daemon: RealDaemon): Promise<string[]> {
  const applied: string[] = [];
  for (;;) {
    const name = `in-between-${applied.length}`;
    const status = await apply(daemon, name);
    if (status !== 201) {
      expect(status).toBe(503);
      return applied;
    }
    applied.push(name);
    if (daemon.lines.some((line) => line.includes('State cannot be kept'))) return applied;
  }
}

/** It cannot keep what it is given and says so everywhere; what it has can be looked at. */
async function expectUnable(daemon: RealDaemon, reason: RegExp): Promise<void> {
  expect(await apply(daemon, 'refused')).toBe(503);
  expect((await daemon.request('/api/v1/policies/early/runs', { method: 'POST' })).status).toBe(503);
  expect(await readyz(daemon)).toEqual([503, expect.stringMatching(reason)]);
  const status = await daemon.request('/api/v1/status');
  expect([status.status, status.text]).toEqual([200, expect.stringMatching(reason)]);
  expect((await daemon.request('/metrics')).text).toMatch(/^orb_worker_state_up 0$/m);
  expect(await names(daemon)).not.toContain('refused');
}

async function expectAble(daemon: RealDaemon): Promise<void> {
  await vi.waitFor(async () => expect((await readyz(daemon))[0]).toBe(200), {
    timeout: 20_000,
    interval: 100,
  });
  expect((await daemon.request('/metrics')).text).toMatch(/^orb_worker_state_up 1$/m);
}

/** What was acknowledged is there after a kill. */
async function expectKept(diode: FakeDiode, daemon: RealDaemon, expected: readonly string[]): Promise<void> {
  await daemon.stop('SIGKILL');
  await using next = await startFor(diode);
  expect(await names(next)).toEqual([...expected].sort());
}

interface Fault {
  readonly reason: RegExp;
  /** It lasts until it is ended; otherwise the daemon puts an end to it, about a second later. */
  readonly isLasting: boolean;
  /** Size of a file system of its own that it needs. */
  readonly mount?: string;
  begin(daemon: RealDaemon): void;
  end(daemon: RealDaemon): void;
}

const faults: Record<string, Fault> = {
  'no space is left (ENOSPC)': {
    reason: /no space left on the device/,
    isLasting: true,
    mount: '16m',
    begin: () => {
      const { bavail, bsize } = statfsSync(dataDir());
      writeFileSync(path.join(dataDir(), 'ballast'), Buffer.alloc(bavail * bsize));
    },
    end: () => rmSync(path.join(dataDir(), 'ballast')),
  },
  'files may not grow (EFBIG)': {
    reason: /I\/O error/,
    isLasting: true,
    begin: ({ process }) => {
      execFileSync('prlimit', ['--pid', String(process.pid), '--fsize=4096:']);
    },
    end: ({ process }) => {
      execFileSync('prlimit', ['--pid', String(process.pid), '--fsize=unlimited:']);
    },
  },
  'the data file is removed': {
    reason: /was removed or replaced while it was in use/,
    isLasting: false,
    begin: () => rmSync(database()),
    end: () => undefined,
  },
  'the log of changes is removed': {
    reason: /was removed or replaced while it was in use/,
    isLasting: false,
    begin: () => rmSync(`${database()}-wal`),
    end: () => undefined,
  },
  'the data file is replaced by another one': {
    reason: /was removed or replaced while it was in use/,
    isLasting: false,
    begin: () => {
      cpSync(database(), `${database()}.copy`);
      renameSync(`${database()}.copy`, database());
    },
    end: () => undefined,
  },
  'the log of changes is cut off': {
    reason: /the log of changes \(WAL\) was cut off while it was in use/,
    isLasting: false,
    begin: () => truncateSync(`${database()}-wal`),
    end: () => undefined,
  },
  'the data file is cut off': {
    reason: /the data file was cut off while it was in use/,
    isLasting: false,
    begin: () => truncateSync(database(), 20_000),
    end: () => undefined,
  },
  'the directory may not be looked into': {
    reason: /symbolic link/,
    isLasting: true,
    begin: () => {
      renameSync(dataDir(), `${dataDir()}-moved`);
      symlinkSync(dataDir(), dataDir());
    },
    end: () => {
      rmSync(dataDir());
      renameSync(`${dataDir()}-moved`, dataDir());
    },
  },
  'the directory is moved away and back': {
    reason: /was removed or replaced while it was in use|the data directory is gone/,
    isLasting: true,
    begin: () => renameSync(dataDir(), `${dataDir()}-moved`),
    end: () => renameSync(`${dataDir()}-moved`, dataDir()),
  },
};

test.for(Object.entries(faults))(
  'when %s, it stays up, says so, and recovers by itself',
  async ([, fault], context) => {
    if (fault.mount !== undefined) mountData(context, fault.mount);
    await using diode = await FakeDiode.start();
    await using daemon = await startFor(diode);
    expect(await apply(daemon, 'early')).toBe(201);
    fault.begin(daemon);
    const inBetween = await applyUntilRefused(daemon);
    if (fault.isLasting) await expectUnable(daemon, fault.reason);
    await daemon.line(fault.reason);
    fault.end(daemon);
    await expectAble(daemon);
    expect(await apply(daemon, 'late')).toBe(201);
    await expectKept(diode, daemon, ['early', ...inBetween, 'late']);
  },
);

test('a data file that is damaged between two lives is told by the second, which goes on with the rest', async () => {
  await using diode = await FakeDiode.start();
  await using first = await startFor(diode);
  for (const name of ['a', 'b', 'c']) expect(await apply(first, name)).toBe(201);
  await first.stop();
  writeFileSync(database(), readFileSync(database()).fill(7, 0, 60));
  await using second = await startFor(diode);
  const [line] = await second.line(/ERROR: state: The data file was damaged: .*/);
  const [folder = ''] = readdirSync(dataDir()).filter((name) => name.startsWith('damaged-'));
  expect(line).toContain(path.join(dataDir(), folder));
  expect(await names(second)).toEqual(['a', 'b', 'c']);
  expect((await second.request('/readyz')).json()).toEqual({
    status: 'degraded',
    reasons: [expect.stringContaining(folder)],
  });
  expect(await apply(second, 'd')).toBe(201);
  await second.stop();
  await using third = await startFor(diode);
  expect((await third.request('/readyz')).json()).toEqual({ status: 'ok', reasons: [] });
  expect(await names(third)).toEqual(['a', 'b', 'c', 'd']);
});

test('what was yielded while Diode was away arrives although the file was damaged', async () => {
  await using diode = await FakeDiode.start();
  diode.ingest.failAlways({ status: 14, message: 'away' });
  await using first = await startFor(diode);
  const steps = [['yield', 25]];
  const document = { policies: { once: { config: { package: 'scripted', steps }, scope: null } } };
  expect((await first.apply(JSON.stringify(document))).status).toBe(201);
  await vi.waitFor(
    async () => {
      const { runs } = (await first.request('/api/v1/runs')).json<{ runs: { status: string }[] }>();
      expect(runs.map(({ status }) => status)).toEqual(['delivering']);
    },
    { timeout: 20_000, interval: 50 },
  );
  await first.stop('SIGKILL');
  writeFileSync(database(), readFileSync(database()).fill(7, 0, 60));
  diode.ingest.recover();
  await using second = await startFor(diode);
  await diode.acknowledgedEntities(25);
  await second.line(/The data file was damaged/);
});
