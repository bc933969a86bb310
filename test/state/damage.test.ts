import { randomUUID } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { StartError } from '../../src/errors.ts';
import {
  asides,
  bytesAt,
  ENTITIES,
  expectSetAside,
  fileIn,
  NAMES,
  namesIn,
  openLogged,
  overwrite,
  PAGE,
  rootOf,
  used,
  waitingIn,
} from './damaged.ts';
import { batchOf, policyOf, receiptOf } from './objects.ts';
import { open, temporaryDirectory } from './support.ts';

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

test('a data file that somebody has removed is missed', async () => {
  const { directory } = await used();
  rmSync(fileIn(directory));
  const { state, log } = await openLogged(directory);
  const warning = expect.stringMatching(/^there is no data file, though a daemon has had this directory/);
  expect(state.health()).toEqual({ ok: true, reason: '', warning });
  expect(log).toEqual([expect.stringMatching(/^There is no data file/)]);
  expect(await namesIn(state)).toEqual([]);
  await state.close();
  expect((await openLogged(directory)).log).toEqual([]);
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
