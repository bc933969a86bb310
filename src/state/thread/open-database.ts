import { closeSync, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { migrate } from './migrations.ts';

/** How long another program that looks into the file is waited for. */
const BUSY_MS = 1_000;
/** Pages of the log after which they are taken over into the file. */
const CHECKPOINT_PAGES = 2_000;

/**
 * Opens the state's database, which nobody else may write: makes the file (for its owner alone) when there is none, and
 * brings it to today's schema.
 * @param mostLogBytes what is left of its log on the disk after a busy time.
 */
export function openDatabase(file: string, mostLogBytes: number): DatabaseSync {
  // SQLite gives the files beside it the same mode.
  closeSync(openSync(file, 'a', 0o600));
  const db = new DatabaseSync(file, { timeout: BUSY_MS });
  try {
    // The first has an effect on an empty file only.
    db.exec(`
      PRAGMA auto_vacuum = INCREMENTAL;
      PRAGMA journal_mode = WAL;
      PRAGMA journal_size_limit = ${Math.floor(mostLogBytes / 2)};
      PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES};
      PRAGMA synchronous = FULL;
    `);
    migrate(db);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}
