import type { DatabaseSync } from 'node:sqlite';
import { BATCH_TABLES } from './batch-table.ts';
import { LETTER_TABLE } from './letter-table.ts';
import { POLICY_PLACES, POLICY_TABLE } from './policy-table.ts';
import { RUN_TABLES } from './run-table.ts';

/** Each brings a file from the version of its index to the next one. None is ever changed once it was released. */
const MIGRATIONS: readonly ((db: DatabaseSync) => void)[] = [
  (db) => {
    db.exec(`
      CREATE TABLE lives (
        number INTEGER PRIMARY KEY, boot_id TEXT NOT NULL, pid INTEGER NOT NULL, started TEXT NOT NULL
      ) STRICT;
      CREATE TABLE probe (number INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
      ${POLICY_TABLE}
      ${RUN_TABLES}
      ${BATCH_TABLES}
      ${LETTER_TABLE}
    `);
  },
  (db) => db.exec(POLICY_PLACES),
];

/** What a file is brought to. */
export const SCHEMA_VERSION = MIGRATIONS.length;

/** A file of a later version of the program. */
export class NewerSchemaError extends Error {
  override readonly name = 'NewerSchemaError';
}

/** Brings a file to {@link SCHEMA_VERSION}, all or nothing; throws {@link NewerSchemaError}. */
export function migrate(db: DatabaseSync): void {
  const version = Number(db.prepare('PRAGMA user_version').get()?.user_version);
  if (version > SCHEMA_VERSION) {
    throw new NewerSchemaError(
      `the data file has schema version ${version}, and this orb-worker knows up to ${SCHEMA_VERSION}: use the version that wrote it, or a later one`,
    );
  }
  if (version === SCHEMA_VERSION) return;
  db.exec('BEGIN IMMEDIATE');
  try {
    for (const step of MIGRATIONS.slice(version)) step(db);
    db.exec(`PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT`);
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}
