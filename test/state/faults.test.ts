import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import type { Worker } from 'node:worker_threads';
import { pino } from 'pino';
import { expect, onTestFinished, test, vi } from 'vitest';
import { UnavailableError } from '../../src/errors.ts';
import type { Batch } from '../../src/sink/contract.ts';
import type { State } from '../../src/state/contract.ts';
import { HeldClock } from '../support/held-clock.ts';
import { runOf } from '../support/runs.ts';
import { batchOf, policyOf, receiptOf } from './objects.ts';
import { keep, mounted, open, temporaryDirectory, WITHOUT_MOUNT } from './support.ts';

interface Opened {
  readonly state: State;
  readonly clock: HeldClock;
  /** Messages of its log. */
  readonly log: string[];
}

async function openHeld(directory: string): Promise<Opened> {
  const log: string[] = [];
  const destination = new Writable({
    write(chunk, _, done) {
      log.push(JSON.parse(String(chunk)).msg);
      done();
    },
  });
  const clock = new HeldClock();
  return { state: await open(directory, { clock, log: pino({}, destination) }), clock, log };
}

/** The thread takes its time: it is asked again as often as it needs. */
async function recovers({ state, clock }: Opened): Promise<void> {
  await vi.waitFor(
    async () => {
      await clock.advance(1_000);
      expect(state.health()).toEqual({ ok: true, reason: '' });
    },
    { timeout: 15_000 },
  );
}

const FULL = 'no space left on the device';

test('a full disk refuses what must be kept, keeps the rest for later, and is used again when it has room', async ({
  skip,
}) => {
  const directory = mounted('5m');
  if (directory === undefined) return skip(WITHOUT_MOUNT);
  const opened = await openHeld(directory);
  const { state, log } = opened;
  await state.policies.save([policyOf(1)]);
  writeFileSync(join(directory, 'ballast'), Buffer.alloc(3_200_000));
  const big = batchOf(Buffer.alloc(900_000, 1));
  const refusal = new UnavailableError(`cannot keep this now: ${FULL}`);
  await expect(keep(state, big)).rejects.toEqual(refusal);
  expect(state.health()).toEqual({ ok: false, reason: FULL });
  const run = runOf(1, { status: 'completed' });
  state.runs.record(run);
  await expect(state.policies.save([policyOf(2)])).rejects.toEqual(refusal);
  expect((await state.policies.found()).map(({ name }) => name)).toEqual(['p1']);
  expect(state.batches.waitingBytes).toBe(0);

  await opened.clock.advance(3_000);
  await state.policies.found();
  expect(state.health()).toEqual({ ok: false, reason: FULL });
  rmSync(join(directory, 'ballast'));
  await recovers(opened);
  expect(await state.runs.get(run.id)).toEqual(run);
  await keep(state, big);
  expect(await state.batches.read(big.id)).toEqual(big.bytes);
  expect(log).toEqual([`State cannot be kept: ${FULL}`, 'State is kept again']);
});

/** Keeps batches until there is no room; resolves with those that are kept. */
async function fill({ state }: Opened): Promise<Batch[]> {
  const kept: Batch[] = [];
  try {
    for (;;) {
      const batch = batchOf(Buffer.alloc(1_000_000, kept.length));
      await keep(state, batch);
      kept.push(batch);
    }
  } catch (error) {
    expect(error).toEqual(new UnavailableError(`cannot keep this now: ${FULL}`));
    return kept;
  }
}

test('a disk that what waits has filled is used again when that is acknowledged', async ({ skip }) => {
  const directory = mounted('32m');
  if (directory === undefined) return skip(WITHOUT_MOUNT);
  const opened = await openHeld(directory);
  const { state, clock } = opened;
  await state.policies.save([policyOf(1), policyOf(2)]);
  const kept = await fill(opened);
  await clock.advance(3_000);
  await state.policies.found();
  expect(state.health()).toEqual({ ok: false, reason: FULL });

  await state.policies.remove([1]);
  for (const batch of kept)
    await state.batches.settle({
      receipts: [receiptOf(batch, { outcome: 'acknowledged' })],
      parts: [],
      letters: [],
      droppedLetters: [],
    });
  expect(state.batches.waitingBytes).toBe(0);
  await recovers(opened);
  expect((await fill(opened)).length).toBeGreaterThanOrEqual(kept.length);
  await state.close();
  const next = await open(directory);
  expect((await next.policies.found()).map(({ name }) => name)).toEqual(['p2']);
});

/** Somebody else takes all that is left of a disk. */
function crowd(directory: string): void {
  const ballast = openSync(join(directory, 'ballast'), 'w');
  try {
    for (;;) writeSync(ballast, Buffer.alloc(4_096));
  } catch (error) {
    expect(error).toMatchObject({ code: 'ENOSPC' });
  } finally {
    closeSync(ballast);
  }
}

test('on a disk that others have filled a policy can be deleted, and a daemon can start', async ({
  skip,
}) => {
  const directory = mounted('16m');
  if (directory === undefined) return skip(WITHOUT_MOUNT);
  const opened = await openHeld(directory);
  const { state } = opened;
  await state.policies.save([policyOf(1), policyOf(2), policyOf(3)]);
  const letGo = batchOf('x');
  await keep(state, letGo);
  crowd(directory);
  await expect(state.policies.save([policyOf(4)])).rejects.toBeInstanceOf(UnavailableError);
  await state.policies.remove([1]);
  const part = batchOf(Buffer.alloc(4_000_000), letGo.run.runId);
  const cut = state.batches.settle({
    receipts: [receiptOf(part)],
    parts: [{ batch: part, encoding: 'diode', policy: 'p1' }],
    letters: [],
    droppedLetters: [],
  });
  const acknowledged = state.batches.settle({
    receipts: [receiptOf(letGo, { outcome: 'acknowledged' })],
    parts: [],
    letters: [],
    droppedLetters: [],
  });
  await expect(cut).rejects.toBeInstanceOf(UnavailableError);
  await acknowledged;
  expect(state.health()).toEqual({ ok: false, reason: FULL });
  crowd(directory);
  rmSync(join(directory, 'ballast'));
  await recovers(opened);
  await opened.clock.advance(10_000);
  await state.close();

  crowd(directory);
  const next = await open(directory);
  expect((await next.policies.found()).map(({ name }) => name)).toEqual(['p2', 'p3']);
  expect(await next.batches.found()).toEqual([]);
  await next.policies.remove([2]);
  expect((await next.policies.found()).map(({ name }) => name)).toEqual(['p3']);
});

test('a disk that reports errors is told of, and its files are opened anew when it does not any more', async ({
  skip,
}) => {
  const directory = temporaryDirectory();
  const opened = await openHeld(directory);
  const { state, log } = opened;
  await state.policies.save([policyOf(1)]);
  const files = ['state.sqlite', 'state.sqlite-wal'].map((name) => join(directory, name));
  try {
    // Nobody may write them then, not even through what is open.
    execFileSync('chattr', ['+i', ...files], { stdio: 'pipe' });
  } catch {
    return skip('this file system, or this process, cannot make a file immutable');
  }
  onTestFinished(() => void spawnSync('chattr', ['-f', '-i', ...files]));
  const fault = 'the disk reports an error (I/O error)';
  const refusal = new UnavailableError(`cannot keep this now: ${fault}`);
  await expect(state.policies.save([policyOf(2)])).rejects.toEqual(refusal);
  const run = runOf(1);
  state.runs.record(run);
  await opened.clock.advance(3_000);
  await expect(keep(state, batchOf('x'))).rejects.toBeInstanceOf(UnavailableError);
  expect(state.health().ok).toBe(false);
  expect((await state.policies.found()).map(({ name }) => name)).toEqual(['p1']);
  execFileSync('chattr', ['-i', ...files]);
  await recovers(opened);
  await state.policies.save([policyOf(3)]);
  expect((await state.policies.found()).map(({ name }) => name)).toEqual(['p1', 'p3']);
  expect(await state.runs.get(run.id)).toEqual(run);
  expect(log[0]).toBe(`State cannot be kept: ${fault}`);
  expect(log.at(-1)).toBe('State is kept again');
});

test('a read-only disk stops the start, and what is on it is left as it is', async ({ skip }) => {
  const disk = mounted('8m');
  if (disk === undefined) return skip(WITHOUT_MOUNT);
  const directory = join(disk, 'data');
  const first = await open(directory);
  await first.policies.save([policyOf(1)]);
  await first.close();
  execFileSync('mount', ['-o', 'remount,ro', disk]);
  await expect(open(directory)).rejects.toThrow(`the data directory ${directory} cannot be used: EROFS`);
  execFileSync('mount', ['-o', 'remount,rw', disk]);
  expect(await (await open(directory)).policies.found()).toHaveLength(1);
});

test('when its thread dies, whoever waits is told, and the state says so', async () => {
  const workers: Worker[] = [];
  const note = (worker: Worker): number => workers.push(worker);
  process.on('worker', note);
  onTestFinished(() => void process.off('worker', note));
  const { state, log } = await openHeld(temporaryDirectory());
  const [worker] = workers;
  if (!worker) throw new Error('the state has no thread');
  const kept = keep(state, batchOf('x'));
  const ended = once(worker, 'exit');
  await Promise.all([expect(kept).rejects.toBeInstanceOf(UnavailableError), worker.terminate(), ended]);
  expect(state.health()).toMatchObject({ ok: false });
  expect(log).toHaveLength(1);
  await expect(state.policies.found()).rejects.toBeInstanceOf(UnavailableError);
  state.runs.record(runOf(1));
  state.runs.addLine('x', { at: 1, level: 'info', message: 'x' });
  await state.close();
});

test('after its close nothing is kept, and no timer is left', async () => {
  const { state, clock } = await openHeld(temporaryDirectory());
  const late = keep(state, batchOf('x'));
  await state.close();
  await late;
  await state.close();
  expect(clock.pending).toBe(0);
  await expect(
    state.batches.settle({ receipts: [receiptOf(batchOf('x'))], parts: [], letters: [], droppedLetters: [] }),
  ).rejects.toBeInstanceOf(UnavailableError);
});
