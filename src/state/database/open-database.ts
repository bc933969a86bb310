import { closeSync, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { migrate } from './migrations.ts';

/** How long another program that looks into the file is waited for. */
const BUSY_MS = 1_000;
/** Bytes of the log after which they are taken over into the file, if it may have so many. */
const CHECKPOINT_BYTES = 16 * 1024 * 1024;
/** Larger ones suit batches, smaller ones suit all else. */
export const PAGE_BYTES = 8_192;

/**
 * Opens the state's database, which nobody else may write: makes the file (for its owner alone) when there is none, and
 * brings it to today's schema.
 * @param mostLogBytes what its log may take.
 */
export function openDatabase(file: string, mostLogBytes: number): DatabaseSync {
  // SQLite gives the files beside it the same mode.
  const checkpointBytes = Math.min(CHECKPOINT_BYTES, mostLogBytes / 4);
  closeSync(openSync(file, 'a', 0o600));
  const db = new DatabaseSync(file, { timeout: BUSY_MS });
  try {
    // The first two have an effect on an empty file only.
    db.exec(`
      PRAGMA page_size = ${PAGE_BYTES};
      PRAGMA auto_vacuum = INCREMENTAL;
      PRAGMA journal_mode = WAL;
      PRAGMA journal_size_limit = ${Math.floor(mostLogBytes / 2)};
      PRAGMA wal_autocheckpoint = ${Math.ceil(checkpointBytes / PAGE_BYTES)};
      PRAGMA synchronous = FULL;
    `);
    migrate(db);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}
