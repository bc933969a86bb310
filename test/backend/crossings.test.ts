import { existsSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { BackendLease } from '../../src/backend/host.ts';
import { HeldClock } from '../support/held-clock.ts';
import { isAlive } from '../support/real-daemon.ts';
import { backendSource, PackageFolder, payloadOf, Rig, startRun, type WatchedRun } from './rig.ts';

interface Kept extends AsyncDisposable {
  readonly clock: HeldClock;
  readonly rig: Rig;
  readonly lease: BackendLease;
  /** Under way, and waiting for its signal. */
  readonly atWork: WatchedRun;
  /** The child that it is in. */
  readonly pid: number;
}

/** A child whose event loop stands still, as if the one run in it were at some long work of its own. */
async function keptByItsRun(): Promise<Kept> {
  const clock = new HeldClock();
  const rig = new Rig({ clock });
  const lease = await rig.host.open('hostile');
  const [pid = 0] = rig.pids;
  const atWork = startRun(lease, { mood: 'waits' });
  await atWork.entered;
  await nothingIsOwed(lease);
  process.kill(pid, 'SIGSTOP');
  return {
    clock,
    rig,
    lease,
    atWork,
    pid,
    async [Symbol.asyncDispose]() {
      await rig[Symbol.asyncDispose]();
    },
  };
}

/** Its second answer comes behind all that the child had to say of its runs. */
async function nothingIsOwed(lease: BackendLease): Promise<void> {
  for (let asked = 0; asked < 2; asked++) expect(await lease.check([payloadOf(null)], [])).toEqual([[]]);
}

/** It goes on, and whatever it has missed costs neither it nor its run anything. */
async function expectUnharmed({ atWork, lease, pid }: Kept): Promise<void> {
  process.kill(pid, 'SIGCONT');
  await nothingIsOwed(lease);
  expect(isAlive(pid)).toBe(true);
  atWork.execution.cancel(60_000);
  expect(await atWork.outcome).toEqual({ kind: 'cancelled', cutOff: false });
}

describe('a child that its one run keeps from answering', () => {
  test('is not handed again the run that it did not enter, and goes on when it can', async () => {
    await using kept = await keptByItsRun();
    const run = startRun(kept.lease, { mood: 'doesNothing' });
    await kept.clock.advance(10_200);
    expect(await run.outcome).toEqual({ kind: 'returned' });
    expect(kept.rig.pids).toHaveLength(2);
    await expectUnharmed(kept);
  });

  test('is not ended for a question that it has not come to', async () => {
    await using kept = await keptByItsRun();
    const checked = kept.lease.check([payloadOf(null)], []);
    await kept.clock.advance(2_000);
    expect(await checked).toEqual([[]]);
    await kept.clock.advance(8_000);
    await expectUnharmed(kept);
  });

  test('is not ended for a run that was cancelled before it was entered', async () => {
    await using kept = await keptByItsRun();
    const run = startRun(kept.lease, { mood: 'doesNothing' });
    run.execution.cancel(300);
    await kept.clock.advance(300);
    expect(await run.outcome).toEqual({ kind: 'cancelled', cutOff: true });
    await expectUnharmed(kept);
  });
});

test('a child that was handed a run in the moment when it would be let go stays', async () => {
  const clock = new HeldClock();
  await using rig = new Rig({ clock });
  const lease = await rig.host.open('hostile');
  expect(await startRun(lease, { mood: 'doesNothing' }).outcome).toEqual({ kind: 'returned' });
  await nothingIsOwed(lease);
  const [pid = 0] = rig.pids;
  await clock.advance(119_999);
  process.kill(pid, 'SIGSTOP');
  const run = startRun(lease, { mood: 'doesNothing' });
  await clock.advance(1);
  process.kill(pid, 'SIGCONT');
  expect(await run.outcome).toEqual({ kind: 'returned' });
  expect(rig.pids).toEqual([pid]);
});

describe('what a run has left behind', () => {
  /** What its runs leave ends the process as soon as somebody asks it something. */
  const BOOBY_TRAPPED = backendSource(
    `scope: { '~standard': { version: 1, vendor: 'trap', validate(value) {
       if (globalThis.trap === process.pid && value === 'asks') process.exit(5);
       return { value };
     } } },
     run({ scope }) { if (scope === 'lays') globalThis.trap = process.pid; return []; },`,
  );

  test('costs nobody the answer to a question', async () => {
    await using folder = await PackageFolder.create();
    await folder.add('trapped', { 'index.js': BOOBY_TRAPPED });
    await using rig = new Rig({ clock: new HeldClock(), backendsDirs: [folder.path] });
    const lease = await rig.host.open('trapped');
    await startRun(lease, 'lays').outcome;
    const [pid] = rig.pids;
    expect(await lease.check([payloadOf('asks')], [])).toEqual([[]]);
    expect(rig.pids).not.toContain(pid);
  });

  test('ends with its process, though it left its session and its environment', async () => {
    await using folder = await PackageFolder.create();
    await folder.add('leaves', {
      'index.js': backendSource(
        `run(_, { log }) {
           log.info(String(spawn('sleep', ['60'], { env: {}, detached: true, stdio: 'ignore' }).pid));
           return [];
         },`,
        `import { spawn } from 'node:child_process';`,
      ),
    });
    await using rig = new Rig({ clock: new HeldClock(), backendsDirs: [folder.path] });
    const lease = await rig.host.open('leaves');
    const run = startRun(lease, null);
    expect(await run.outcome).toEqual({ kind: 'returned' });
    const left = Number(run.logs[0]?.message);
    expect(isAlive(left)).toBe(true);
    lease.close();
    await expect.poll(() => isAlive(left)).toBe(false);
  });

  test('is not held against a run that was handed over and not entered', async () => {
    await using rig = new Rig({ clock: new HeldClock() });
    const lease = await rig.host.open('hostile');
    const [pid = 0] = rig.pids;
    process.kill(pid, 'SIGSTOP');
    const run = startRun(lease, { mood: 'doesNothing' });
    process.kill(pid, 'SIGKILL');
    const reason = 'killed by SIGKILL';
    expect(await run.outcome).toEqual({ kind: 'crashed', reason, innocent: true });
  });
});

describe('a process that ends', () => {
  test('is ended when what listens to its end does not let it', async () => {
    await using folder = await PackageFolder.create();
    const sign = path.join(folder.path, 'leaving');
    await folder.add('lingers', {
      'index.js': backendSource(
        `run({ scope }) {
           process.on('exit', () => { writeFileSync(scope, ''); for (;;); });
           process.exit(3);
         },`,
        `import { writeFileSync } from 'node:fs';`,
      ),
    });
    const clock = new HeldClock();
    await using rig = new Rig({ clock, backendsDirs: [folder.path] });
    const run = startRun(await rig.host.open('lingers'), sign);
    await expect.poll(() => existsSync(sign)).toBe(true);
    await clock.advance(5_000);
    const reason = 'called process.exit and did not end within 5 s';
    expect(await run.outcome).toEqual({ kind: 'crashed', reason, innocent: false });
  });

  test('is handed nothing while its last words are waited for', async () => {
    await using folder = await PackageFolder.create();
    await folder.add('leaves-a-writer', {
      'index.js': backendSource(
        `run({ scope }, { log }) {
           if (scope !== 'leaves') return [];
           const stdio = ['ignore', 'inherit', 'ignore'];
           log.info(String(spawn('sleep', ['60'], { stdio, env: {}, detached: true }).pid));
           return new Promise(() => undefined);
         },`,
        `import { spawn } from 'node:child_process';`,
      ),
    });
    // Words are waited for as long as the clock stands still.
    const clock = new HeldClock();
    await using rig = new Rig({ clock, backendsDirs: [folder.path] });
    const lease = await rig.host.open('leaves-a-writer');
    const [pid = 0] = rig.pids;
    const { logs } = startRun(lease, 'leaves');
    await expect.poll(() => logs).toHaveLength(1);
    process.kill(pid, 'SIGKILL');
    await expect.poll(() => existsSync(`/proc/${pid}`)).toBe(false);
    expect(rig.pids).toContain(pid);
    const run = startRun(lease, null);
    await clock.advance(300);
    expect(await run.outcome).toEqual({ kind: 'returned' });
    process.kill(Number(logs[0]?.message), 'SIGKILL');
  });
});
