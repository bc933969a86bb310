import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { messageOf } from '../../errors.ts';
import { sqliteCodeOf } from '../database/faults.ts';
import { migrate, SCHEMA_VERSION } from '../database/migrations.ts';
import { PAGE_BYTES } from '../database/open-database.ts';
import { companionsOf } from '../files.ts';
import { readableLog } from './log-file.ts';
import { TABLES } from './tables.ts';

/** The file is sound, and somebody else's. */
export class ForeignDatabaseError extends Error {
  override readonly name = 'ForeignDatabaseError';
}

export interface Inspection {
  /** `quick`: what a start has time for; `full`: every page and every index. */
  readonly depth: 'quick' | 'full';
  /** Whether the machine runs since the file was last written: a log that ends in the middle of something is damaged then. */
  readonly isSameBoot: boolean;
  /** Whether a daemon has written it before. */
  readonly wasUsed: boolean;
}

/** A file of up to this size is looked at as a whole at every start: that takes about a second on a slow disk. */
const QUICK_BYTES = 256 * 1024 * 1024;
/** Of a file without tables. */
const NEW_PAGES = 2;
const MOST_FINDINGS = 20;
/** The tables without which nothing goes on; they are small. */
const ESSENTIAL = ['policies', 'lives', 'sequences'];

/** How a finding about it begins: what was written last may be missing then. */
export const LOG_OF_CHANGES = 'the log of changes (WAL)';

/** SQLite's codes, with the extended ones that tell a page that cannot be read from a disk that has no room. */
const DAMAGE = [11, 26];
const UNREADABLE_PAGE = [266, 8_202, 8_458];

/** Whether an error of SQLite says that the file is damaged. */
export function isDamage(error: unknown): boolean {
  const code = sqliteCodeOf(error);
  if (code === undefined) return false;
  const extended = error instanceof Error && 'errcode' in error ? Number(error.errcode) : 0;
  return DAMAGE.includes(code) || UNREADABLE_PAGE.includes(extended);
}

/**
 * What is wrong with a database file, a sentence for each finding; none when it is sound, new, not there, or of a later
 * version. Changes nothing. Throws a {@link ForeignDatabaseError}, and what SQLite says of the disk.
 */
export function findDamage(database: string, { depth, isSameBoot, wasUsed }: Inspection): readonly string[] {
  const [log = ''] = companionsOf(database);
  const stat = statSync(database, { throwIfNoEntry: false });
  // Whoever opens it is told what it is.
  if (stat?.isFile() === false) return [];
  const bytes = stat?.size ?? 0;
  const logBytes = statSync(log, { throwIfNoEntry: false })?.size ?? 0;
  if (bytes === 0 && logBytes > 0) return ['the data file is empty or gone, and its log is not'];
  if (bytes === 0) return wasUsed && stat ? ['the data file is empty, and was not'] : [];
  // SQLite does not say why it cannot open a file.
  accessSync(database, constants.R_OK);
  const ofLog = isSameBoot && logBytes > 0 ? damageOfLog(log) : [];
  try {
    const db = openReadOnly(database);
    try {
      return [...ofLog, ...damageOf(db, depth, bytes)];
    } finally {
      db.close();
    }
  } catch (error) {
    if (isDamage(error)) return [...ofLog, `the data file cannot be read: ${messageOf(error)}`];
    throw error;
  }
}

/** A connection that changes neither file nor log. */
export function openReadOnly(database: string): DatabaseSync {
  return new DatabaseSync(database, { readOnly: true, timeout: 1_000 });
}

function damageOfLog(log: string): string[] {
  return readableLog(readFileSync(log), PAGE_BYTES)
    ? [`${LOG_OF_CHANGES} is damaged, and changes behind that place count as not made`]
    : [];
}

function damageOf(db: DatabaseSync, depth: Inspection['depth'], bytes: number): readonly string[] {
  const version = Number(db.prepare('PRAGMA user_version').get()?.user_version);
  if (version > SCHEMA_VERSION) return [];
  const schema = schemaOf(db);
  if (schema.size === 0) {
    const isNew = version === 0 && bytes <= NEW_PAGES * PAGE_BYTES;
    return isNew ? [] : ['the tables of the data file are gone'];
  }
  const ours = TABLES.filter((table) => schema.has(table));
  if (ours.length === 0) throw new ForeignDatabaseError('the data file is a database of another program');
  const wrong = version === SCHEMA_VERSION ? schemaFault(schema) : undefined;
  if (wrong !== undefined) return [wrong];
  if (version <= 0) return [`the data file says that it has schema version ${version}`];
  const pragmas = pragmasFor(depth, bytes);
  return pragmas.flatMap((pragma) => checkedBy(db, pragma));
}

function pragmasFor(depth: Inspection['depth'], bytes: number): readonly string[] {
  if (depth === 'full') return [`integrity_check(${MOST_FINDINGS})`];
  if (bytes <= QUICK_BYTES) return [`quick_check(${MOST_FINDINGS})`];
  return ESSENTIAL.map((table) => `quick_check(${table})`);
}

function checkedBy(db: DatabaseSync, pragma: string): string[] {
  const rows = db.prepare(`PRAGMA ${pragma}`).all();
  const lines = rows.flatMap((row) => Object.values(row)).flatMap((words) => String(words).split('\n'));
  return lines.filter((line) => line !== 'ok' && !line.startsWith('***'));
}

function schemaFault(found: ReadonlyMap<string, string>): string | undefined {
  const db = new DatabaseSync(':memory:');
  try {
    migrate(db);
    const wrong = [...schemaOf(db)].find(([name, sql]) => found.get(name) !== sql);
    return wrong && `the table or index ${wrong[0]} is not as it was made`;
  } finally {
    db.close();
  }
}

/** How each table and index was made, by name. */
function schemaOf(db: DatabaseSync): Map<string, string> {
  const rows = db
    .prepare("SELECT name, coalesce(sql, '') AS sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_stat%'")
    .all();
  return new Map(rows.map(({ name, sql }) => [String(name), String(sql)]));
}
