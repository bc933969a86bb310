import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { PAGE_BYTES } from '../database/open-database.ts';
import { companionsOf } from '../files.ts';
import type { Aside } from './files-aside.ts';
import { openReadOnly } from './find-damage.ts';
import { graftFirstPage } from './graft.ts';
import { readableLog } from './log-file.ts';
import { TABLES } from './tables.ts';

/**
 * Opens what is damaged so that as much of it as possible can be read, and has it used. The files themselves stay as
 * they are; what has to be changed to be read is changed in copies that are gone afterwards.
 */
export function withReadableSource<T>(aside: Aside, isSameBoot: boolean, use: (db: DatabaseSync) => T): T {
  const workshop = join(aside.folder, 'copies');
  rmSync(workshop, { recursive: true, force: true });
  try {
    const db = openBest(aside.database, workshop, isSameBoot);
    try {
      return use(db);
    } finally {
      db.close();
    }
  } finally {
    rmSync(workshop, { recursive: true, force: true });
  }
}

function openBest(database: string, workshop: string, isSameBoot: boolean): DatabaseSync {
  const source = isSameBoot ? withReadableLog(database, workshop) : database;
  return openIfReadable(source) ?? openLeniently(graftFirstPage(source, workshop));
}

/** A copy beside a log that can be read to its end; the file itself where that is so already. */
function withReadableLog(database: string, workshop: string): string {
  const [log = ''] = companionsOf(database);
  const readable = existsSync(log) ? readableLog(readFileSync(log), PAGE_BYTES) : undefined;
  if (!readable) return database;
  mkdirSync(workshop, { recursive: true, mode: 0o700 });
  const copy = join(workshop, 'with-log.sqlite');
  if (existsSync(database)) copyFileSync(database, copy);
  const [copiedLog = ''] = companionsOf(copy);
  writeFileSync(copiedLog, readable, { mode: 0o600 });
  return copy;
}

/** undefined: SQLite cannot find its tables. */
function openIfReadable(database: string): DatabaseSync | undefined {
  // SQLite removes a log that lies beside an empty file.
  if ((statSync(database, { throwIfNoEntry: false })?.size ?? 0) === 0) return undefined;
  let db: DatabaseSync | undefined;
  try {
    db = openLeniently(database);
    for (const table of TABLES) db.prepare(`SELECT rowid FROM ${table} LIMIT 1`);
    return db;
  } catch {
    db?.close();
    return undefined;
  }
}

/** A file that is shorter than it says is read as far as it goes. */
function openLeniently(database: string): DatabaseSync {
  const db = openReadOnly(database);
  db.exec('PRAGMA writable_schema = ON');
  return db;
}
