import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import { StartError } from '../../src/errors.ts';
import { type Examination, examine, repair } from '../../src/state/doctor.ts';
import { runOf } from '../support/runs.ts';
import { batchOf, policyOf, receiptOf } from './objects.ts';
import { keep, mounted, open, temporaryDirectory, WITHOUT_MOUNT } from './support.ts';

/** Two entities, as they are framed for Diode. */
const ENTITIES = Buffer.from([0x0a, 2, 1, 1, 0x0a, 1, 7]);

async function used(): Promise<string> {
  const directory = temporaryDirectory();
  const state = await open(directory);
  await state.policies.save([policyOf(1), policyOf(2)]);
  state.runs.record(runOf(1, { status: 'completed', finishedAt: 5 }));
  for (let sequence = 2; sequence <= 4; sequence++) {
    const run = runOf(sequence, { status: 'delivering' });
    state.runs.record(run);
    const batch = batchOf(ENTITIES, run.id);
    const receipt = receiptOf(batch, { entityCount: 2 });
    await state.batches.keep({ ...batch, entityCount: 2 }, receipt, 'diode', 'p1');
  }
  await state.close();
  chmodSync(directory, 0o700);
  return directory;
}

function change(directory: string, sql: string): void {
  const db = new DatabaseSync(join(directory, 'state.sqlite'));
  db.exec(sql);
  db.close();
}

/** Each finding as `severity place: what`. */
function told({ directory, findings }: Examination): string[] {
  return findings.map(
    ({ severity, where, what }) => `${severity} ${where.replace(directory, 'DIR')}: ${what}`,
  );
}

function content(directory: string): Record<string, string> {
  const names = readdirSync(directory).filter((name) => statSync(join(directory, name)).isFile());
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(directory, name), 'base64')]));
}

test('a sound directory is called so, and is not changed by being looked at', async () => {
  const directory = await used();
  const before = content(directory);
  const found = examine(directory);
  expect(found).toMatchObject({ daemonPid: undefined, isSound: true });
  expect(told(found)).toEqual([expect.stringMatching(/^note table runs: 3 are runs that have not ended: /)]);
  expect(content(directory)).toEqual(before);
});

test('one that a daemon has is looked at beside it, and repaired by nobody', async () => {
  const directory = await used();
  const state = await open(directory);
  const owner = join(directory, 'owner.json');
  const mine = readFileSync(owner, 'utf8');
  const parent = readFileSync(`/proc/${process.ppid}/stat`, 'utf8');
  const started = parent.slice(parent.lastIndexOf(')') + 2).split(' ')[19];
  writeFileSync(owner, JSON.stringify({ ...JSON.parse(mine), pid: process.ppid, started }));
  expect(examine(directory)).toMatchObject({ daemonPid: process.ppid, isSound: true });
  expect(() => repair(directory)).toThrow(
    new StartError(1, `the data directory ${directory} is in use by the orb-worker with pid ${process.ppid}`),
  );
  await keep(state, batchOf(ENTITIES));
});

test('each row that is not as it was written is told, with what it means', async () => {
  const directory = await used();
  change(
    directory,
    `
    UPDATE policies SET document = '{' WHERE number = 1;
    UPDATE runs SET body = '{}' WHERE sequence = 1;
    UPDATE runs SET finished_at = 7 WHERE sequence = 2;
    UPDATE spool SET bytes = x'0a01' WHERE batch = 1;
    UPDATE spool SET bytes = x'0a0201010a0107', batch = 77 WHERE batch = 2;
    DELETE FROM runs WHERE sequence = 4;
  `,
  );
  const found = examine(directory);
  expect(found.isSound).toBe(false);
  expect(told(found).map((words) => words.replace(/: [^:]*-[^:]*$/, ''))).toEqual([
    'warning table policies: 1 are policies whose document is no JSON: p1',
    'damage table spool: 1 cannot be read: row 1: it has 2 bytes, and was written with 7',
    'damage table runs: 1 cannot be read: row 1: its content is not what was written',
    'damage table runs: 1 are runs that are in two states at once, or have ended at no time',
    'note table runs: 1 are runs that have not ended',
    'warning table spool: 1 are batches whose bytes are not what their receipt says',
    'note table spool: 1 are batches whose run is not in history',
    'damage table spool: 1 are batches without a receipt: row 77',
    'damage table batches: 1 are receipts of batches that wait, without their bytes',
  ]);
  const done = repair(directory);
  expect(done.after.findings.filter(({ severity }) => severity === 'damage')).toEqual([]);
  expect(done.repair?.tables).toMatchObject([
    { table: 'policies', rows: 2, lossCount: 0 },
    { table: 'spool', rows: 2, lossCount: 1 },
    { table: 'batches', rows: 3, lossCount: 0 },
    { table: 'letters' },
    { table: 'lives' },
    { table: 'sequences' },
    { table: 'runs', rows: 2, lossCount: 1 },
    { table: 'run_lines' },
  ]);
  const state = await open(directory);
  expect(state.health()).toEqual({ ok: true, reason: '' });
  expect(await state.batches.found()).toHaveLength(2);
  expect(await state.runs.unfinished()).toHaveLength(2);
});

test('a repair keeps the file as it was, and the second one finds nothing to do', async () => {
  const directory = await used();
  const file = join(directory, 'state.sqlite');
  writeFileSync(file, readFileSync(file).fill(9, 0, 50));
  const before = readFileSync(file);
  expect(told(examine(directory))).toEqual([
    'damage DIR/state.sqlite: the data file cannot be read: file is not a database',
  ]);
  expect(readFileSync(file)).toEqual(before);
  const { repair: done, after } = repair(directory);
  const folder = done?.folder ?? '';
  expect(readFileSync(join(folder, 'state.sqlite'))).toEqual(before);
  expect(readFileSync(join(folder, 'report.txt'), 'utf8')).toContain('2 policies');
  expect(after.isSound).toBe(true);
  const second = repair(directory);
  expect(second.repair).toBeUndefined();
  expect(readdirSync(directory).filter((name) => name.startsWith('damaged-'))).toHaveLength(1);
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  expect(statSync(join(folder, 'report.json')).mode & 0o777).toBe(0o600);
});

test('files that others may look into are told, and closed by a repair', async () => {
  const directory = await used();
  chmodSync(directory, 0o755);
  chmodSync(join(directory, 'state.sqlite'), 0o644);
  expect(told(examine(directory)).slice(0, 2)).toEqual([
    'warning DIR: its mode is 755',
    'warning DIR/state.sqlite: its mode is 644',
  ]);
  expect(repair(directory)).toMatchObject({
    before: { isSound: false },
    repair: undefined,
    after: { isSound: true },
  });
  expect(statSync(directory).mode & 0o777).toBe(0o700);
});

describe.runIf(process.getuid?.() === 0)('root in the directory of another user (needs root)', () => {
  const USER = 65_534;
  const usersIn = (directory: string): number[] => [
    ...new Set(
      readdirSync(directory, { recursive: true }).map((name) => lstatSync(join(directory, String(name))).uid),
    ),
  ];

  test('a repair leaves nothing that its user could not use', async () => {
    const directory = await used();
    const file = join(directory, 'state.sqlite');
    writeFileSync(file, readFileSync(file).fill(9, 0, 50));
    execFileSync('chown', ['-R', String(USER), directory]);
    expect(repair(directory).after.isSound).toBe(true);
    expect(readdirSync(directory)).toContainEqual(expect.stringMatching(/^damaged-/));
    expect(usersIn(directory)).toEqual([USER]);
  });

  test('nor does a daemon', async () => {
    const directory = temporaryDirectory();
    execFileSync('chown', ['-R', String(USER), directory]);
    const state = await open(directory);
    await state.policies.save([policyOf(1)]);
    expect(usersIn(directory)).toEqual([USER]);
    await state.close();
    expect(usersIn(directory)).toEqual([USER]);
  });

  test("what is not that user's is told, and given to that user by a repair", async () => {
    const directory = await used();
    chownSync(directory, USER, USER);
    const whose = `it belongs to the user 0, and the directory to ${USER}`;
    expect(told(examine(directory)).slice(0, 3)).toEqual([
      `warning DIR/state.sqlite: ${whose}`,
      `warning DIR/lock: ${whose}`,
      `warning DIR/owner.json: ${whose}`,
    ]);
    expect(repair(directory).after.isSound).toBe(true);
    expect(usersIn(directory)).toEqual([USER]);
  });
});

test('what cannot be used and is not damaged is left alone', async () => {
  const directory = await used();
  change(directory, 'PRAGMA user_version = 99');
  expect(told(examine(directory))).toEqual([
    expect.stringContaining('it has schema version 99, and this orb-worker knows up to'),
  ]);
  expect(() => repair(directory)).toThrow(/schema version 99/);
  const foreign = temporaryDirectory();
  chmodSync(foreign, 0o700);
  change(foreign, 'CREATE TABLE albums (name TEXT)');
  chmodSync(join(foreign, 'state.sqlite'), 0o600);
  expect(told(examine(foreign))).toEqual([
    'warning DIR/state.sqlite: the data file is a database of another program',
  ]);
  expect(() => repair(foreign)).toThrow('the data file is a database of another program');
  expect(readdirSync(foreign).sort()).toEqual(['lock', 'owner.json', 'state.sqlite']);
});

test('a file system that is read-only is told of', async ({ skip }) => {
  const disk = mounted('256m');
  if (disk === undefined) return skip(WITHOUT_MOUNT);
  await (await open(join(disk, 'data'))).close();
  const examined = (): string[] => told(examine(join(disk, 'data')));
  expect(examined()).toEqual([]);
  execFileSync('mount', ['-o', 'remount,ro', disk]);
  expect(examined()).toContain('warning DIR: its file system is read-only');
  execFileSync('mount', ['-o', 'remount,rw', disk]);
});

test('a place that is no data directory is told in one line', () => {
  const directory = temporaryDirectory();
  const missing = join(directory, 'missing');
  expect(() => examine(missing)).toThrow(new StartError(1, `there is no data directory ${missing}`));
  expect(() => repair(missing)).toThrow(new StartError(1, `there is no data directory ${missing}`));
  writeFileSync(join(directory, 'file'), '');
  expect(() => examine(join(directory, 'file'))).toThrow(StartError);
  mkdirSync(missing, { mode: 0o700 });
  expect(examine(missing)).toMatchObject({ findings: [], isSound: true });
});
