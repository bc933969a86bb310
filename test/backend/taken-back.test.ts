import { existsSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { BackendChild } from '../../src/backend/child.ts';
import { RunExecution } from '../../src/backend/execution.ts';
import type { RunRequest } from '../../src/backend/host.ts';
import { systemClock } from '../../src/clock.ts';
import { backendSource, PackageFolder, startRun } from './rig.ts';

const MADE = { name: 'made', version: '1.0.0', directory: '/', entryUrl: 'file:///' };

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
