import { existsSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { BackendChild } from '../../src/backend/child.ts';
import { RunExecution } from '../../src/backend/execution.ts';
import type { BackendLease, RunRequest } from '../../src/backend/host.ts';
import { systemClock } from '../../src/clock.ts';
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

const MADE = { name: 'made', version: '1.0.0', directory: '/', entryUrl: 'file:///' };

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

/** A child of its own, with the runs that it was handed. */
class OneChild implements AsyncDisposable {
  readonly child: BackendChild;
  #number = 0;

  constructor() {
    this.child = new BackendChild({
      clock: systemClock,
      log: pino({ level: 'silent' }),
      launcher: { prefix: [], isolateArguments: [] },
      memoryMiB: 128,
      env: { PATH: process.env.PATH },
      workingDirectory: process.cwd(),
      newNumber: () => ++this.#number,
    });
  }

  load(directory: string): Promise<void> {
    const entryUrl = pathToFileURL(path.join(directory, 'index.js')).href;
    return this.child.load({ name: 'made', entryUrl }, pino({ level: 'silent' }), (text) => text);
  }

  start(scope: unknown): RunExecution {
    const begun: RunExecution[] = [];
    const run = (request: RunRequest): RunExecution => {
      const execution = new RunExecution(++this.#number, request, systemClock);
      this.child.work.start(execution);
      begun.push(execution);
      return execution;
    };
    const description = { name: 'made', app_name: 'made', app_version: '1' };
    startRun({ package: MADE, description, run }, scope);
    const [execution] = begun;
    if (execution === undefined) throw new Error('nothing was begun');
    return execution;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.child.kill();
  }
}

describe('a run that is taken back in the moment when its child enters it', () => {
  const SPEAKS = backendSource(
    `async run({ scope }, { log, signal }) {
       log.info('entered');
       if (scope !== null) writeFileSync(scope, '');
       await new Promise((resolve) => signal.addEventListener('abort', resolve));
       if (scope !== null) rmSync(scope);
       return [];
     },`,
    `import { rmSync, writeFileSync } from 'node:fs';`,
  );

  test('is told to stop, and costs the others in its child nothing', async () => {
    await using folder = await PackageFolder.create();
    await using one = new OneChild();
    await one.load(await folder.add('made', { 'index.js': SPEAKS }));
    const { child } = one;
    const other = one.start(null);
    await expect.poll(() => other.hasEntered).toBe(true);

    const taken: RunExecution[] = [];
    child.onWithdrawn = (runs) => taken.push(...runs);
    const sign = path.join(folder.path, 'entered');
    const run = one.start(sign);
    const handedAs = run.number;
    // What is told is on its way when the turn is over; what the child says is not read before that.
    await Promise.resolve();
    while (!existsSync(sign));
    child.work.takeBack(() => undefined);
    expect(taken).toEqual([run]);
    expect(run.number).not.toBe(handedAs);

    await expect.poll(() => existsSync(sign)).toBe(false);
    // The child takes nothing more, and ends when the other run does.
    await expect.poll(() => child.isEnding).toBe(true);
    expect(other.isOver).toBe(false);
    other.cancel(60_000);
    expect(await other.outcome).toEqual({ kind: 'cancelled', cutOff: false });
    await child.ended;
    expect(child.fault).toBe(undefined);
  });

  test('may be taken back as often as its children are of no use', async () => {
    await using folder = await PackageFolder.create();
    await using one = new OneChild();
    await one.load(await folder.add('made', { 'index.js': SPEAKS }));
    const { child } = one;
    process.kill(child.pid ?? 0, 'SIGSTOP');
    const taken: RunExecution[] = [];
    child.onWithdrawn = (runs) => taken.push(...runs);
    const run = one.start(null);
    child.work.takeBack(() => undefined);
    child.work.start(run);
    child.work.takeBack(() => undefined);
    expect(taken).toEqual([run, run]);
    expect(run.isOver).toBe(false);
  });
});
