import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { StartError, UnavailableError } from '../../src/errors.ts';
import type { State } from '../../src/state/contract.ts';
import { HeldClock } from '../support/held-clock.ts';
import { STEADY_WASM } from '../support/steady-wasm.ts';
import { policyOf } from './objects.ts';
import { open, temporaryDirectory } from './support.ts';

interface Life {
  readonly child: ChildProcess;
  /** What it has said so far. */
  readonly said: string[];
  readonly stderr: string[];
  /** Resolves when it has said a line that begins so, or is gone. */
  heard(beginning: string): Promise<string>;
}

function live(directory: string, work: string): Life {
  const program = join(import.meta.dirname, 'life.ts');
  const child = spawn(process.execPath, [STEADY_WASM, program, directory, work]);
  onTestFinished(() => void child.kill('SIGKILL'));
  const [said, stderr]: [string[], string[]] = [[], []];
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => said.push(line));
  child.stderr.on('data', (text) => stderr.push(String(text)));
  const heard = async (beginning: string): Promise<string> => {
    for (;;) {
      const line = said.find((known) => known.startsWith(beginning));
      if (line !== undefined || child.exitCode !== null) return line ?? said.join('\n');
      await Promise.race([once(lines, 'line'), once(lines, 'close')]);
    }
  };
  return { child, said, stderr, heard };
}

test('a directory has one daemon at a time, and the second is told which', async () => {
  const directory = temporaryDirectory();
  const first = live(directory, 'hold');
  await first.heard('open');
  const refusal = `the data directory ${directory} is in use by the orb-worker with pid ${first.child.pid}`;
  await expect(open(directory)).rejects.toEqual(new StartError(1, refusal));
  expect(await live(directory, 'hold').heard('refused')).toBe(`refused: ${refusal}`);
  first.child.kill('SIGKILL');
  await once(first.child, 'exit');
  await open(directory);
});

test('a daemon that lives is not pushed out by who removed its lock', async () => {
  const directory = temporaryDirectory();
  const first = live(directory, 'hold');
  await first.heard('open');
  rmSync(join(directory, 'lock'));
  await expect(open(directory)).rejects.toThrow(`in use by the orb-worker with pid ${first.child.pid}`);
});

/** A state with one policy, of which somebody has removed all files. */
async function openAndEmptied(): Promise<{ directory: string; clock: HeldClock; state: State }> {
  const directory = temporaryDirectory();
  const clock = new HeldClock();
  const state = await open(directory, { clock });
  await state.policies.save([policyOf(1)]);
  for (const name of readdirSync(directory)) rmSync(join(directory, name));
  return { directory, clock, state };
}

test('a daemon whose directory was emptied, and taken by another, leaves it to that one', async () => {
  const { directory, clock, state } = await openAndEmptied();
  const second = live(directory, 'hold');
  await second.heard('open');
  await expect(state.policies.save([policyOf(2)])).rejects.toBeInstanceOf(UnavailableError);
  await clock.advance(3_000);
  expect((await state.policies.found()).map(({ name }) => name)).toEqual(['p1']);
  const reason = `the orb-worker with pid ${second.child.pid} has taken the data directory ${directory} from this one, which is to be ended`;
  expect(state.health()).toEqual({ ok: false, reason });
  await state.close();
  second.child.kill('SIGKILL');
  await once(second.child, 'exit');
  expect(await (await open(directory)).policies.found()).toEqual([]);
});

test('a daemon whose directory was emptied has it for itself again', async () => {
  const { directory, clock, state } = await openAndEmptied();
  await expect(state.policies.save([policyOf(2)])).rejects.toBeInstanceOf(UnavailableError);
  await vi.waitFor(async () => {
    await clock.advance(1_000);
    expect(state.health().ok).toBe(true);
  });
  expect(await live(directory, 'hold').heard('refused')).toContain(`with pid ${process.pid}`);
  await state.close();
  expect(await (await open(directory)).policies.found()).toHaveLength(1);
});

test('a daemon that has let go of the directory is waited for while it ends', async () => {
  const directory = temporaryDirectory();
  await (await open(directory)).close();
  const leaving = spawn('sleep', ['0.3']);
  onTestFinished(() => void leaving.kill());
  const started = readFileSync(`/proc/${leaving.pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[19];
  const owner = JSON.parse(readFileSync(join(directory, 'owner.json'), 'utf8'));
  writeFileSync(join(directory, 'owner.json'), JSON.stringify({ ...owner, pid: leaving.pid, started }));
  await open(directory);
  expect(readFileSync(join(directory, 'owner.json'), 'utf8')).toContain(`"pid":${process.pid}`);
});

test('another process with the pid of a daemon that is dead is not that daemon', async () => {
  const directory = temporaryDirectory();
  await (await open(directory)).close();
  const owner = JSON.parse(readFileSync(join(directory, 'owner.json'), 'utf8'));
  writeFileSync(join(directory, 'owner.json'), JSON.stringify({ ...owner, pid: process.ppid }));
  await (await open(directory)).close();
  writeFileSync(join(directory, 'owner.json'), 'half of a');
  await open(directory);
});

test('a daemon that was killed holds nothing, even where nobody has asked how it ended', async () => {
  const directory = temporaryDirectory();
  await (await open(directory)).close();
  const parent = spawn('sh', ['-c', 'sleep 0 & echo $!; exec sleep 60']);
  onTestFinished(() => void parent.kill());
  const [line] = await once(createInterface({ input: parent.stdout }), 'line');
  const stat = `/proc/${Number(line)}/stat`;
  while (!readFileSync(stat, 'utf8').includes(') Z ')) await pause(5);
  const started = readFileSync(stat, 'utf8').split(') ')[1]?.split(' ')[19];
  const owner = JSON.parse(readFileSync(join(directory, 'owner.json'), 'utf8'));
  writeFileSync(join(directory, 'owner.json'), JSON.stringify({ ...owner, pid: Number(line), started }));
  await open(directory);
});

test('the thread ends with the state: the process ends by itself, and says nothing on stderr', async () => {
  const life = live(temporaryDirectory(), '');
  const [status] = await once(life.child, 'exit');
  expect({ status, said: life.said, stderr: life.stderr.join('') }).toEqual({
    status: 0,
    said: ['open', 'closed'],
    stderr: '',
  });
});

test('what was acknowledged is there after every kill', async () => {
  const directory = temporaryDirectory();
  const acknowledged = {
    kept: new Map<string, string>(),
    saved: new Set<string>(),
    settled: new Set<string>(),
  };
  for (let round = 0; round < 8; round++) {
    const life = live(directory, 'keep');
    await life.heard('kept');
    await pause(Math.random() * 150);
    life.child.kill('SIGKILL');
    await once(life.child, 'close');
    for (const line of life.said) {
      const [what, id = '', run = ''] = line.split(' ');
      if (what === 'kept') acknowledged.kept.set(id, run);
      if (what === 'saved') acknowledged.saved.add(id);
      if (what === 'settled') acknowledged.settled.add(id);
    }
  }
  const state = await open(directory);
  const waiting = new Set((await state.batches.found()).map(({ id }) => id));
  const runs = new Set((await state.runs.unfinished()).map(({ id }) => id));
  const names = new Set((await state.policies.found()).map(({ name }) => name));
  expect(acknowledged.kept.size).toBeGreaterThan(8);
  for (const [id, run] of acknowledged.kept) {
    const [receipt] = await state.batches.receipts(run);
    expect(receipt?.id).toBe(id);
    expect(runs).toContain(run);
    if (receipt?.outcome === 'waiting')
      expect((await state.batches.read(id)).byteLength).toBe(receipt.byteLength);
    if (acknowledged.settled.has(id)) expect(waiting).not.toContain(id);
  }
  for (const name of acknowledged.saved) expect(names).toContain(name);
});

test('a file of a later version is left alone', async () => {
  const directory = temporaryDirectory();
  const state = await open(directory);
  await state.policies.save([policyOf(1)]);
  await state.close();
  const file = new DatabaseSync(join(directory, 'state.sqlite'));
  file.exec('PRAGMA user_version = 99');
  file.close();
  await expect(open(directory)).rejects.toThrow(/has schema version 99, and this orb-worker knows up to \d+/);
  await expect(open(directory)).rejects.toBeInstanceOf(StartError);
});

test('a file of the first version is brought to the present one', async () => {
  const directory = temporaryDirectory();
  const state = await open(directory);
  await state.policies.save([policyOf(1), policyOf(2)]);
  await state.close();
  const file = new DatabaseSync(join(directory, 'state.sqlite'));
  file.exec('ALTER TABLE policies DROP COLUMN place; PRAGMA user_version = 1');
  file.close();
  const later = await open(directory);
  await later.policies.save([policyOf(3, { name: 'p1' })]);
  expect((await later.policies.found()).map(({ name }) => name)).toEqual(['p1', 'p2']);
  expect(later.health()).toEqual({ ok: true, reason: '' });
});

test('an empty file is brought to the present version', async () => {
  const directory = temporaryDirectory();
  writeFileSync(join(directory, 'state.sqlite'), '');
  const state = await open(directory);
  await state.policies.save([policyOf(1)]);
  expect(await state.policies.found()).toHaveLength(1);
});

test('what it makes is for its owner alone', async () => {
  const directory = join(temporaryDirectory(), 'made', 'here');
  const state = await open(directory);
  await state.policies.save([policyOf(1)]);
  const modeOf = (...names: string[]): number => statSync(join(directory, ...names)).mode & 0o777;
  expect(modeOf()).toBe(0o700);
  for (const name of ['state.sqlite', 'state.sqlite-wal', 'state.sqlite-shm', 'lock', 'owner.json']) {
    expect([name, modeOf(name)]).toEqual([name, 0o600]);
  }
});

test('a place that can be no directory is refused in one line', async () => {
  const directory = temporaryDirectory();
  writeFileSync(join(directory, 'file'), '');
  const below = join(directory, 'file', 'state');
  await expect(open(below)).rejects.toThrow(`the data directory ${below} cannot be used: ENOTDIR`);
  await expect(open(below)).rejects.toBeInstanceOf(StartError);
  mkdirSync(join(directory, 'state.sqlite'));
  await expect(open(directory)).rejects.toThrow(`the data directory ${directory} cannot be used: EISDIR`);
});
