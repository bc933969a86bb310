import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { messageOf, StartError } from '../../src/errors.ts';
import { runOf } from '../support/runs.ts';
import { STEADY_WASM } from '../support/steady-wasm.ts';
import { batchOf, policyOf } from './objects.ts';
import { keep, mounted, open, QUICK, temporaryDirectory, WITHOUT_MOUNT } from './support.ts';

const KIB = 1024;

interface Damaged {
  readonly directory: string;
  readonly names: readonly string[];
  readonly batchIds: readonly string[];
}

/** A directory whose data file has lost its header. */
async function damaged(runs: number): Promise<Damaged> {
  const directory = temporaryDirectory(QUICK);
  const state = await open(directory, { bounds: { historyRuns: 1_000_000 } });
  const policies = Array.from({ length: 50 }, (_, index) => policyOf(index + 1));
  await state.policies.save(policies);
  const batches = Array.from({ length: 10 }, () => batchOf(Buffer.alloc(20_000, 0x0a)));
  for (const batch of batches) await keep(state, batch);
  for (let sequence = 1; sequence <= runs; sequence++) {
    state.runs.record(runOf(sequence, { status: 'completed', finishedAt: 5, reason: 'r'.repeat(200) }));
    if (sequence % 1_000 === 0) await state.policies.found();
  }
  await state.close();
  const file = join(directory, 'state.sqlite');
  writeFileSync(file, readFileSync(file).fill(7, 0, 100));
  return { directory, names: policies.map(({ name }) => name), batchIds: batches.map(({ id }) => id) };
}

async function expectWhole(directory: string, { names, batchIds }: Damaged): Promise<void> {
  const state = await open(directory);
  expect((await state.policies.found()).map(({ name }) => name)).toEqual(names);
  expect((await state.batches.found()).map(({ id }) => id)).toEqual(batchIds);
  await state.close();
  const folders = readdirSync(directory).filter((name) => name.startsWith('damaged-'));
  expect(folders).toHaveLength(1);
  expect(existsSync(join(directory, folders[0] ?? '', 'report.json'))).toBe(true);
}

test('wherever room for a repair runs out, the start ends in one line, and the next one goes on with it', async ({
  skip,
}) => {
  const disk = mounted('4m');
  if (disk === undefined) return skip(WITHOUT_MOUNT);
  const made = await damaged(300);
  const directory = join(disk, 'data');
  cpSync(made.directory, directory, { recursive: true });
  const { bavail, bsize } = statfsSync(disk);
  const messages = new Set<string>();
  for (let room = 0; ; room += 96 * KIB) {
    const ballast = join(disk, 'ballast');
    writeFileSync(ballast, '');
    const left = statfsSync(disk).bavail * bsize;
    if (room >= bavail * bsize) throw new Error('there was room, and it was not repaired');
    writeFileSync(ballast, Buffer.alloc(Math.max(0, left - room)));
    try {
      await (await open(directory)).close();
      break;
    } catch (error) {
      expect(error).toBeInstanceOf(StartError);
      messages.add(messageOf(error));
    } finally {
      rmSync(ballast);
    }
  }
  expect(messages.size).toBeGreaterThan(0);
  for (const message of messages) expect(message).toMatch(/no space left|ENOSPC/);
  await expectWhole(directory, made);
});

test('a repair that is killed at any moment is ended by the next start', async () => {
  const made = await damaged(4_000);
  for (let round = 0; round < 5; round++) {
    const directory = temporaryDirectory(QUICK);
    cpSync(made.directory, directory, { recursive: true });
    // It names the process of this test, which lives.
    rmSync(join(directory, 'owner.json'));
    const program = join(import.meta.dirname, 'life.ts');
    const life = spawn(process.execPath, [STEADY_WASM, program, directory, 'hold'], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    onTestFinished(() => void life.kill('SIGKILL'));
    const isOpen = once(life.stdout, 'data');
    while (!readdirSync(directory).some((name) => name.startsWith('damaged-'))) await pause(2);
    await Promise.race([isOpen, pause(round * 60 * Math.random())]);
    life.kill('SIGKILL');
    await once(life, 'exit');
    await expectWhole(directory, made);
  }
});
