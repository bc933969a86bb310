import { randomUUID } from 'node:crypto';
import {
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Writable } from 'node:stream';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { StartError } from '../../src/errors.ts';
import type { State } from '../../src/state/contract.ts';
import { runOf } from '../support/runs.ts';
import { batchOf, policyOf, receiptOf } from './objects.ts';
import { keep, open, temporaryDirectory } from './support.ts';

const PAGE = 8_192;
const NAMES = Array.from({ length: 200 }, (_, index) => `p${index + 1}`);

/** Two entities, as they are framed for Diode. */
const ENTITIES = Buffer.from([0x0a, 2, 1, 1, 0x0a, 1, 7]);

interface Kept {
  readonly directory: string;
  readonly batchIds: readonly string[];
  readonly runIds: readonly string[];
}

/** A directory that a daemon has used, and closed or not. */
async function used({ isKilled = false } = {}): Promise<Kept> {
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

function fileIn(directory: string): string {
  return join(directory, 'state.sqlite');
}

function overwrite(file: string, at: number, bytes: Buffer): void {
  const descriptor = openSync(file, 'r+');
  writeSync(descriptor, bytes, 0, bytes.length, at);
  closeSync(descriptor);
}

function bytesAt(file: string, at: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  const descriptor = openSync(file, 'r');
  readSync(descriptor, bytes, 0, length, at);
  closeSync(descriptor);
  return bytes;
}

/** The page at which a table or index begins. */
function rootOf(directory: string, name: string): number {
  const db = new DatabaseSync(fileIn(directory), { readOnly: true });
  const row = db.prepare('SELECT rootpage FROM sqlite_schema WHERE name = ?').get(name);
  db.close();
  return Number(row?.rootpage);
}

interface Opened {
  readonly state: State;
  readonly log: readonly string[];
}

async function openLogged(directory: string): Promise<Opened> {
  const log: string[] = [];
  const destination = new Writable({
    write(chunk, _, done) {
      log.push(JSON.parse(String(chunk)).msg);
      done();
    },
  });
  return { state: await open(directory, { log: pino({ level: 'error' }, destination) }), log };
}

function asides(directory: string): string[] {
  return readdirSync(directory).filter((name) => name.startsWith('damaged-'));
}

async function namesIn(state: State): Promise<string[]> {
  return (await state.policies.found()).map(({ name }) => name);
}

async function waitingIn(state: State): Promise<string[]> {
  return (await state.batches.found()).map(({ id }) => id);
}

/** It is told in the log and to `/readyz`, once, and set aside with a report; the next start has nothing to tell. */
async function expectSetAside({ state, log }: Opened, directory: string, words: RegExp): Promise<void> {
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

test.each([
  ['its header', (file: string) => overwrite(file, 0, Buffer.alloc(100, 7))],
  ['its first page', (file: string) => overwrite(file, 0, Buffer.alloc(PAGE, 7))],
  ['its schema version', (file: string) => overwrite(file, 60, Buffer.alloc(4))],
  ['the size of its pages', (file: string) => overwrite(file, 16, Buffer.from([2, 0]))],
])('where %s is overwritten, everything is there nevertheless', async (_, damage) => {
  const { directory, batchIds, runIds } = await used();
  damage(fileIn(directory));
  const before = readFileSync(fileIn(directory));
  const opened = await openLogged(directory);
  const { state } = opened;
  expect(await namesIn(state)).toEqual(NAMES);
  expect(await waitingIn(state)).toEqual(batchIds);
  expect((await state.runs.unfinished()).map(({ id }) => id)).toEqual(runIds);
  expect(await state.runs.log(runIds[0] ?? '')).toMatchObject({ lines: [{ message: 'hello' }] });
  expect(readFileSync(join(directory, asides(directory)[0] ?? '', 'state.sqlite'))).toEqual(before);
  await expectSetAside(opened, directory, /cannot be read|schema version 0/);
});

test('what is written over one page of policies takes only those with it', async () => {
  const { directory, batchIds } = await used();
  const file = fileIn(directory);
  const marker = Buffer.from('{"config":{"x":"');
  const at = readFileSync(file).lastIndexOf(marker);
  overwrite(file, Math.floor(at / PAGE) * PAGE, Buffer.alloc(PAGE, 0x55));
  const opened = await openLogged(directory);
  const names = await namesIn(opened.state);
  expect(names.length).toBeGreaterThan(180);
  expect(names.length).toBeLessThan(200);
  expect(await waitingIn(opened.state)).toEqual(batchIds);
  await expectSetAside(opened, directory, /cannot be read|page/i);
});

test('a batch whose receipt is lost is delivered under a new request id', async () => {
  const { directory, batchIds } = await used();
  overwrite(fileIn(directory), (rootOf(directory, 'batches') - 1) * PAGE, Buffer.alloc(PAGE, 0x55));
  const { state } = await openLogged(directory);
  const found = await state.batches.found();
  expect(found).toHaveLength(20);
  expect(found.filter(({ id }) => batchIds.includes(id))).toEqual([]);
  const [first] = found;
  expect(first).toMatchObject({
    entityCount: 2,
    byteLength: ENTITIES.length,
    outcome: 'waiting',
    sequence: 1,
  });
  expect(await state.batches.read(first?.id ?? '')).toEqual(ENTITIES);
});

test('a batch whose bytes are lost waits no more, and its receipt says why', async () => {
  const { directory, runIds } = await used();
  overwrite(fileIn(directory), (rootOf(directory, 'spool') - 1) * PAGE, Buffer.alloc(PAGE, 0x55));
  const { state } = await openLogged(directory);
  expect(await state.batches.found()).toEqual([]);
  expect(await state.batches.receipts(runIds[0] ?? '')).toMatchObject([
    { outcome: 'dropped', lastError: 'its bytes were lost: the data file was damaged' },
  ]);
});

test('a file that was cut in the middle is read as far as it goes', async () => {
  const { directory } = await used();
  const file = fileIn(directory);
  truncateSync(file, Math.floor(statSync(file).size / 2));
  const opened = await openLogged(directory);
  expect(await namesIn(opened.state)).toContain('p1');
  await expectSetAside(opened, directory, /cannot be read/);
});

test.each([
  ['cut to nothing', (file: string) => truncateSync(file, 0), /is empty/],
  ['cut within its header', (file: string) => truncateSync(file, 50), /cannot be read/],
  ['another text', (file: string) => writeFileSync(file, 'no database '.repeat(1_000)), /not a database/],
])('a file that is %s is set aside, and an empty one is begun', async (_, damage, words) => {
  const { directory } = await used();
  damage(fileIn(directory));
  const opened = await openLogged(directory);
  expect(await namesIn(opened.state)).toEqual([]);
  await expectSetAside(opened, directory, words);
});

test('after a kill, the loss of the file leaves what the log alone holds', async () => {
  const { directory, batchIds } = await used({ isKilled: true });
  expect(statSync(`${fileIn(directory)}-wal`).size).toBeGreaterThan(PAGE);
  truncateSync(fileIn(directory), 0);
  const opened = await openLogged(directory);
  expect(NAMES).toEqual(expect.arrayContaining(await namesIn(opened.state)));
  expect(batchIds).toEqual(expect.arrayContaining(await waitingIn(opened.state)));
  await expectSetAside(opened, directory, /is empty or gone, and its log is not/);
});

test.each([
  ['its header', 8],
  ['the checksum in its header', 24],
  ['the first of its changes', 32 + 24 + 5_000],
  ['a checksum of its changes', 32 + 16],
  ['a change in its middle', 32 + (24 + PAGE) * 9 + 24 + 4_000],
])('a log that is damaged in %s is read beyond that place', async (_, at) => {
  const { directory, batchIds } = await used({ isKilled: true });
  const log = `${fileIn(directory)}-wal`;
  const [byte = 0] = bytesAt(log, at, 1);
  overwrite(log, at, Buffer.from([byte ^ 0xff]));
  const opened = await openLogged(directory);
  expect(await waitingIn(opened.state)).toEqual(batchIds);
  expect((await namesIn(opened.state)).length).toBeGreaterThan(180);
  await expectSetAside(opened, directory, /log of changes/);
});

test('a log that ends in the middle of a change, as after a power cut, is no damage', async () => {
  const { directory } = await used({ isKilled: true });
  const log = `${fileIn(directory)}-wal`;
  truncateSync(log, statSync(log).size - 3_000);
  const { state, log: lines } = await openLogged(directory);
  expect(lines).toEqual([]);
  expect((await namesIn(state)).length).toBe(200);
});

test('rows that are not what was written are left out, and told', async () => {
  const { directory, runIds, batchIds } = await used();
  const db = new DatabaseSync(fileIn(directory));
  db.exec(`
    UPDATE runs SET body = '{"id":7' WHERE sequence = 1;
    UPDATE spool SET body = '[]' WHERE batch = 1;
    UPDATE policies SET name = 'not json', document = '{' WHERE number = 1;
  `);
  db.close();
  const { state, log } = await openLogged(directory);
  expect(await namesIn(state)).toContain('not json');
  expect((await state.runs.unfinished()).map(({ id }) => id)).toEqual(runIds.slice(1));
  expect(await waitingIn(state)).toEqual(batchIds.slice(1));
  expect(log).toEqual([
    'A run that is kept cannot be read: orb-worker doctor says more',
    'A batch that is kept cannot be read: orb-worker doctor says more',
  ]);
  expect(state.health().warning).toContain('a run that is kept cannot be read');
});

test('a repair that was cut off is taken up again, wherever that was', async () => {
  const { directory, batchIds } = await used();
  const file = fileIn(directory);
  overwrite(file, 0, Buffer.alloc(100, 7));
  const cutOff = temporaryDirectory();
  const folder = join(cutOff, 'damaged-2026-01-01T00-00-00Z');
  const begin = (): void => {
    rmSync(cutOff, { recursive: true });
    cpSync(directory, cutOff, { recursive: true });
    mkdirSync(folder);
  };
  const goesOn = async (names: readonly string[]): Promise<void> => {
    const { state, log } = await openLogged(cutOff);
    expect(log).toHaveLength(1);
    expect(await namesIn(state)).toEqual(names);
    expect(await waitingIn(state)).toEqual(names.length === 0 ? [] : batchIds);
    await state.close();
    expect(existsSync(join(folder, 'report.json'))).toBe(true);
    expect(readdirSync(cutOff)).not.toContain('state.sqlite.new');
  };
  begin();
  await goesOn(NAMES);
  begin();
  cpSync(file, join(folder, 'state.sqlite'));
  rmSync(fileIn(cutOff));
  writeFileSync(`${fileIn(cutOff)}.new`, 'half of a file');
  await goesOn(NAMES);
  const whole = readFileSync(fileIn(cutOff));
  begin();
  cpSync(file, join(folder, 'state.sqlite'));
  writeFileSync(fileIn(cutOff), whole);
  await goesOn(NAMES);
});

test('a database of another program is refused, and left as it is', async () => {
  const directory = temporaryDirectory();
  const db = new DatabaseSync(fileIn(directory));
  db.exec('CREATE TABLE albums (name TEXT); PRAGMA user_version = 1');
  db.close();
  const before = readFileSync(fileIn(directory));
  const refusal = `the data directory ${directory} cannot be used: the data file is a database of another program`;
  await expect(open(directory)).rejects.toEqual(new StartError(1, refusal));
  expect(readFileSync(fileIn(directory))).toEqual(before);
  expect(asides(directory)).toEqual([]);
});

test('a lock and an owner that are damaged keep nobody out', async () => {
  const { directory } = await used();
  writeFileSync(join(directory, 'lock'), 'x'.repeat(5_000));
  writeFileSync(join(directory, 'owner.json'), '{"pid":');
  expect(await namesIn(await open(directory))).toEqual(NAMES);
});

test('damage that shows while the daemon lives is repaired, and told', async () => {
  const { directory, batchIds, runIds } = await used();
  const opened = await openLogged(directory);
  const { state } = opened;
  const page = rootOf(directory, 'run_lines') - 1;
  overwrite(fileIn(directory), page * PAGE, Buffer.alloc(PAGE, 0x55));
  const log = (): Promise<unknown> => state.runs.log(runIds[0] ?? '');
  await expect(log()).rejects.toThrow('cannot read what is kept now: the data file is damaged');
  expect(state.health()).toEqual({ ok: false, reason: 'the data file is damaged' });
  await expect.poll(() => state.health().ok, { timeout: 10_000 }).toBe(true);
  expect(await log()).toEqual({ lines: [], dropped: 0 });
  expect(await waitingIn(state)).toEqual(batchIds);
  const batch = batchOf(ENTITIES, randomUUID());
  await state.batches.keep(batch, receiptOf(batch), 'diode', 'p1');
  await state.close();
  const next = await open(directory);
  expect(await waitingIn(next)).toEqual([...batchIds, batch.id]);
});

test.each([
  ['the data file', ['state.sqlite']],
  ['its log', ['state.sqlite-wal']],
  ['all of it', ['state.sqlite', 'state.sqlite-wal', 'state.sqlite-shm']],
])('when somebody removes %s while it is in use, it is put back', async (_, names) => {
  const { directory, batchIds } = await used();
  const { state } = await openLogged(directory);
  await state.policies.save([policyOf(500, { name: 'early' })]);
  for (const name of names) rmSync(join(directory, name));
  await expect(state.policies.save([policyOf(501, { name: 'refused' })])).rejects.toThrow(
    /was removed or replaced/,
  );
  expect(state.health()).toMatchObject({ ok: false });
  await expect.poll(() => state.health().ok, { timeout: 10_000 }).toBe(true);
  await state.policies.save([policyOf(502, { name: 'late' })]);
  await state.close();
  const next = await open(directory);
  expect(await namesIn(next)).toEqual([...NAMES, 'early', 'late']);
  expect(await waitingIn(next)).toEqual(batchIds);
});
