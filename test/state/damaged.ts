import {
  closeSync,
  cpSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Writable } from 'node:stream';
import { pino } from 'pino';
import { expect } from 'vitest';
import type { State } from '../../src/state/contract.ts';
import { runOf } from '../support/runs.ts';
import { batchOf, policyOf } from './objects.ts';
import { keep, open, temporaryDirectory } from './support.ts';

export const PAGE = 8_192;
export const NAMES = Array.from({ length: 200 }, (_, index) => `p${index + 1}`);

/** Two entities, as they are framed for Diode. */
export const ENTITIES = Buffer.from([0x0a, 2, 1, 1, 0x0a, 1, 7]);

interface Kept {
  readonly directory: string;
  readonly batchIds: readonly string[];
  readonly runIds: readonly string[];
}

/** A directory that a daemon has used, and closed or not. */
export async function used({ isKilled = false } = {}): Promise<Kept> {
  const directory = temporaryDirectory();
  const state = await open(directory);
  await state.policies.save(
    NAMES.map((name, index) =>
      policyOf(index + 1, { name, document: `{"config":{"x":"${'y'.repeat(500)}"}}` }),
    ),
  );
  const runs = Array.from({ length: 300 }, (_, index) => runOf(index + 1, { status: 'delivering' }));
  const batches = runs.slice(0, 20).map(({ id }) => batchOf(ENTITIES, id));
  for (const run of runs) state.runs.record(run);
  for (const batch of batches) await keep(state, batch);
  const [first] = runs;
  if (first) state.runs.addLine(first.id, { at: 1, level: 'info', message: 'hello' });
  await state.policies.found();
  const kept = { batchIds: batches.map(({ id }) => id), runIds: runs.map(({ id }) => id) };
  if (isKilled) {
    const copy = temporaryDirectory();
    cpSync(directory, copy, { recursive: true });
    await state.close();
    return { directory: copy, ...kept };
  }
  await state.close();
  return { directory, ...kept };
}

export function fileIn(directory: string): string {
  return join(directory, 'state.sqlite');
}

export function overwrite(file: string, at: number, bytes: Buffer): void {
  const descriptor = openSync(file, 'r+');
  writeSync(descriptor, bytes, 0, bytes.length, at);
  closeSync(descriptor);
}

export function bytesAt(file: string, at: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  const descriptor = openSync(file, 'r');
  readSync(descriptor, bytes, 0, length, at);
  closeSync(descriptor);
  return bytes;
}

/** The page at which a table or index begins. */
export function rootOf(directory: string, name: string): number {
  const db = new DatabaseSync(fileIn(directory), { readOnly: true });
  const row = db.prepare('SELECT rootpage FROM sqlite_schema WHERE name = ?').get(name);
  db.close();
  return Number(row?.rootpage);
}

interface Opened {
  readonly state: State;
  readonly log: readonly string[];
}

export async function openLogged(directory: string): Promise<Opened> {
  const log: string[] = [];
  const destination = new Writable({
    write(chunk, _, done) {
      log.push(JSON.parse(String(chunk)).msg);
      done();
    },
  });
  return { state: await open(directory, { log: pino({ level: 'error' }, destination) }), log };
}

export function asides(directory: string): string[] {
  return readdirSync(directory).filter((name) => name.startsWith('damaged-'));
}

export async function namesIn(state: State): Promise<string[]> {
  return (await state.policies.found()).map(({ name }) => name);
}

export async function waitingIn(state: State): Promise<string[]> {
  return (await state.batches.found()).map(({ id }) => id);
}

/** It is told in the log and to `/readyz`, once, and set aside with a report; the next start has nothing to tell. */
export async function expectSetAside(
  { state, log }: Opened,
  directory: string,
  words: RegExp,
): Promise<void> {
  const [name = '', ...others] = asides(directory);
  expect(others).toEqual([]);
  const folder = join(directory, name);
  expect(log).toEqual([expect.stringContaining(folder)]);
  expect(state.health()).toEqual({ ok: true, reason: '', warning: expect.stringContaining(folder) });
  const report = JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8'));
  expect(report.damage.join('\n')).toMatch(words);
  expect(readFileSync(join(folder, 'report.txt'), 'utf8')).toMatch(words);
  expect(existsSync(join(folder, 'copies'))).toBe(false);
  await state.policies.save([policyOf(1_000, { name: 'later' })]);
  await state.close();
  const next = await openLogged(directory);
  expect(next.log).toEqual([]);
  expect(next.state.health()).toEqual({ ok: true, reason: '' });
  expect(await namesIn(next.state)).toContain('later');
}
