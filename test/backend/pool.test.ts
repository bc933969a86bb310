import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { UnavailableError } from '../../src/errors.ts';
import { HeldClock } from '../support/held-clock.ts';
import { isAlive } from '../support/real-daemon.ts';
import { backendSource, PackageFolder, payloadOf, Rig, startRun, type WatchedRun } from './rig.ts';

describe('children', () => {
  test('share heavy runs that start in the same moment', async () => {
    await using rig = new Rig();
    const lease = await rig.host.open('hostile');
    for (const mood of ['burns', 'burnsPolitely']) {
      const runs = Array.from({ length: 8 }, () => startRun(lease, { mood, ms: 300 }));
      await Promise.all(runs.map(({ outcome }) => outcome));
      const workers = new Set(runs.map(workerOf));
      expect(workers.size).toBe(Math.min(8, availableParallelism()));
    }
  });

  test('take ten thousand short runs at once, each of them once', async () => {
    await using rig = new Rig();
    const lease = await rig.host.open('hostile');
    let entered = 0;
    const handlers = { entered: () => void entered++ };
    const runs = Array.from({ length: 10_000 }, () => startRun(lease, { mood: 'doesNothing' }, { handlers }));
    const outcomes = await Promise.all(runs.map(({ outcome }) => outcome));
    expect(outcomes.every(({ kind }) => kind === 'returned')).toBe(true);
    expect(entered).toBe(10_000);
  });

  test('are not multiplied for a run that only waits for its child to come up', async () => {
    await using rig = new Rig();
    const lease = await rig.host.open('hostile');
    const crash = startRun(lease, { mood: 'exits', status: 1 });
    await crash.outcome;
    expect(await startRun(lease, { mood: 'doesNothing' }).outcome).toEqual({ kind: 'returned' });
    expect(rig.pids).toHaveLength(1);
  });

  test('are not multiplied because a run that is over took long to be entered', async () => {
    await using folder = await PackageFolder.create();
    const burning =
      'run({ scope }) { const end = performance.now() + scope; while (performance.now() < end); return []; },';
    await folder.add('burning', { 'index.js': backendSource(burning) });
    await using rig = new Rig({ backendsDirs: [folder.path] });
    const lease = await rig.host.open('burning');
    expect(await startRun(lease, 50).outcome).toEqual({ kind: 'returned' });
    // Behind it comes all that the child had to say of the run.
    await lease.check([payloadOf(0)], []);
    await startRun(lease, 0).outcome;
    expect(rig.pids).toHaveLength(1);
  });

  test('are there for one run alone where that is asked for', async () => {
    await using rig = new Rig();
    const lease = await rig.host.open('hostile');
    const shared = startRun(lease, { mood: 'burns', ms: 0 });
    const alone = [1, 2, 3].map(() =>
      startRun(lease, { mood: 'burns', ms: 0 }, { request: { alone: true } }),
    );
    await Promise.all([shared, ...alone].map(({ outcome }) => outcome));
    const workers = [shared, ...alone].map(workerOf);
    expect(new Set(workers).size).toBe(4);
    await expect
      .poll(() => rig.host.children().filter((child) => child.package === 'hostile'))
      .toHaveLength(1);
  });

  test('run at a low priority, and are the first to go when memory runs out', async () => {
    await using rig = new Rig();
    await rig.host.open('plain');
    const [pid = 0] = rig.pids;
    const nice = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[16];
    expect(Number(nice)).toBe(10);
    expect(readFileSync(`/proc/${pid}/oom_score_adj`, 'utf8').trim()).toBe('1000');
    expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', '')).toBe(
      'orb-worker backend plain',
    );
  });

  test('inherit what they are given, and nothing else but a mark', async () => {
    await using rig = new Rig({ env: { PATH: process.env.PATH, COLOUR: 'green' } });
    await rig.host.open('plain');
    const environment = readFileSync(`/proc/${rig.pids[0]}/environ`, 'utf8').split('\0').filter(Boolean);
    const mark = expect.stringMatching(/^ORB_WORKER_CHILD=[\d.]+$/);
    expect(environment.sort()).toEqual(['COLOUR=green', mark, `PATH=${process.env.PATH}`]);
  });

  test('are let go when they have had nothing to do for a while', async () => {
    const clock = new HeldClock();
    await using rig = new Rig({ clock });
    const lease = await rig.host.open('plain');
    await expect.poll(() => rig.pids).toHaveLength(1);
    await clock.advance(119_000);
    expect(rig.pids).toHaveLength(1);
    await clock.advance(1_000);
    await expect.poll(() => rig.pids).toEqual([]);
    expect(await startRun(lease, { count: 1 }).outcome).toEqual({ kind: 'returned' });
  });

  test('have a spare beside them while any package is open', async () => {
    await using rig = new Rig();
    const lease = await rig.host.open('plain');
    await expect.poll(() => rig.host.children().map((child) => child.package)).toEqual(['plain', undefined]);
    const spare = rig.host.children().find((child) => child.package === undefined);
    const other = await rig.host.open('forms');
    expect(rig.host.children()).toContainEqual({ pid: spare?.pid, package: 'forms', runs: 0 });
    lease.close();
    other.close();
    await expect.poll(() => rig.host.children()).toEqual([]);
    expect(isAlive(spare?.pid ?? 0)).toBe(false);
  });

  test('are gone when nobody holds the package any more, but not before their runs have ended', async () => {
    await using rig = new Rig();
    const lease = await rig.host.open('hostile');
    const other = await rig.host.open('hostile');
    const [pid = 0] = rig.pids;
    const run = startRun(lease, { mood: 'waitsFor', ms: 100 });
    await run.entered;
    lease.close();
    lease.close();
    other.close();
    expect(isAlive(pid)).toBe(true);
    expect(await run.outcome).toEqual({ kind: 'returned' });
    await expect.poll(() => isAlive(pid)).toBe(false);
    await expect.poll(() => rig.pids).toEqual([]);
  });
});

describe('a host that stops', () => {
  test('cancels what runs and what waits, and leaves no process', async () => {
    const before = new Set(childrenOf(process.pid));
    const rig = new Rig();
    const lease = await rig.host.open('hostile');
    const runs = [
      ...Array.from({ length: 20 }, () => startRun(lease, { mood: 'spins' })),
      startRun(lease, { mood: 'waits' }, { request: { alone: true } }),
    ];
    await runs[0]?.entered;
    await rig.host.stop();
    for (const { outcome } of runs) expect(await outcome).toMatchObject({ kind: 'cancelled' });
    expect(rig.pids).toEqual([]);
    expect(childrenOf(process.pid).filter((pid) => !before.has(pid) && isAlive(pid))).toEqual([]);
    expect(await startRun(lease, null).outcome).toEqual({ kind: 'cancelled', cutOff: false });
  });

  test('leaves no timer', async () => {
    const clock = new HeldClock();
    const rig = new Rig({ clock });
    const lease = await rig.host.open('hostile');
    const runs = [1, 2, 3, 4, 5].map(() => startRun(lease, { mood: 'spins' }));
    await runs[0]?.entered;
    runs[0]?.execution.cancel(60_000);
    await rig.host.stop();
    await Promise.all(runs.map(({ outcome }) => outcome));
    await expect.poll(() => clock.pending).toBe(0);
  });

  test('while a package is being opened refuses it, and leaves no process', async () => {
    const rig = new Rig();
    const opening = rig.host.open('plain').catch((error: unknown) => error);
    await expect.poll(() => rig.pids).toHaveLength(1);
    const { pids } = rig;
    await rig.host.stop();
    expect(await opening).toBeInstanceOf(UnavailableError);
    expect(pids.filter(isAlive)).toEqual([]);
  });

  test.each([
    ['by the kernel', process.env.PATH],
    ['by a thread that watches, where there is no program to ask the kernel', '/nowhere'],
  ])('by being killed takes its children along, those that spin too: %s', async (_, path) => {
    const daemonLike = fileURLToPath(new URL('./daemon-like.ts', import.meta.url));
    const daemon = spawn(process.execPath, ['--no-warnings', daemonLike], {
      env: { PATH: path },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = await once(createInterface({ input: daemon.stdout }), 'line');
    const pids: number[] = JSON.parse(line);
    expect(pids.length).toBeGreaterThanOrEqual(2);
    expect(pids.every(isAlive)).toBe(true);
    daemon.kill('SIGKILL');
    await once(daemon, 'exit');
    await expect.poll(() => pids.filter(isAlive), { timeout: 5_000 }).toEqual([]);
  });
});

/** The first entity of a run that burns names its process. */
function workerOf(run: WatchedRun): string {
  const [entity] = run.entities() as { device: { name: string } }[];
  return entity?.device.name ?? 'nobody';
}

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
}
