import { rmSync } from 'node:fs';
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import { messageOf } from '../../errors.ts';
import { sqliteCodeOf } from '../database/faults.ts';
import { openDatabase } from '../database/open-database.ts';
import { companionsOf } from '../files.ts';
import { settleOddments } from './oddments.ts';
import { type RawRow, rowsOf } from './rows-of.ts';
import { faultOfRow, TABLES, type TableName } from './tables.ts';

/** What became of one table. */
export interface SalvagedTable {
  readonly table: TableName;
  readonly rows: number;
  /** A sentence for each place that could not be read, the first of them only. */
  readonly losses: readonly string[];
  /** Of all such places. */
  readonly lossCount: number;
}

/** Indexes of random ids are written all over. */
const CACHE_KIB = 128 * 1024;
const MOST_TOLD = 20;
const MOST_ROWS_A_TRANSACTION = 10_000;
const MOST_BYTES_A_TRANSACTION = 16 * 1024 * 1024;

/**
 * Takes all rows that can be read over into a new database: policies and batches that wait first. Throws when the new
 * one cannot be written; the old one is only read.
 */
export function salvage(
  damaged: DatabaseSync,
  target: string,
  mostLogBytes: number,
): readonly SalvagedTable[] {
  for (const file of [target, ...companionsOf(target)]) rmSync(file, { force: true });
  const db = openDatabase(target, mostLogBytes);
  try {
    // It counts only when it is whole: then it is synced as a whole.
    db.exec(`PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; PRAGMA cache_size = -${CACHE_KIB}`);
    const tables = TABLES.map((table) => copyTable(damaged, db, table));
    settleOddments(db);
    return tables;
  } finally {
    db.close();
  }
}

function copyTable(damaged: DatabaseSync, db: DatabaseSync, table: TableName): SalvagedTable {
  const losses: string[] = [];
  let [rows, lossCount] = [0, 0];
  const lose = (loss: string): void => {
    lossCount++;
    if (losses.length < MOST_TOLD) losses.push(loss);
  };
  const writer = new RowWriter(db, table);
  try {
    const found = rowsOf(damaged, table, ({ after, reason }) =>
      lose(after === undefined ? `from the first row on: ${reason}` : `after row ${after}: ${reason}`),
    );
    for (const row of found) {
      const fault = faultOfRow(table, row.columns) ?? writer.write(row);
      if (fault === undefined) rows++;
      else lose(`row ${row.rowid}: ${fault}`);
    }
  } catch (error) {
    if (error instanceof WriteError) throw error.cause;
    lose(`the whole table: ${messageOf(error)}`);
  }
  writer.end();
  return { table, rows, losses, lossCount };
}

/** The new database cannot be written. */
class WriteError extends Error {}

/** SQLite's word for a value that its column does not take, or that is there already. */
const CONSTRAINT = 19;
const MISMATCH = 20;

class RowWriter {
  readonly #db: DatabaseSync;
  readonly #table: TableName;
  #columns: readonly string[] = [];
  #insert: StatementSync | undefined;
  #rows = 0;
  #bytes = 0;

  constructor(db: DatabaseSync, table: TableName) {
    this.#db = db;
    this.#table = table;
    db.exec('BEGIN');
  }

  /** Returns why a row is none; throws a {@link WriteError}. */
  write({ rowid, columns }: RawRow): string | undefined {
    try {
      this.#insert ??= this.#prepare(columns);
      const values = this.#columns.map((column): SQLInputValue => columns[column] ?? null);
      this.#insert.run(rowid, ...values);
      this.#count(values);
      return undefined;
    } catch (error) {
      const code = sqliteCodeOf(error);
      if (code === CONSTRAINT || code === MISMATCH) return messageOf(error);
      throw new WriteError('', { cause: error });
    }
  }

  end(): void {
    this.#db.exec('COMMIT');
  }

  /** A file of an earlier schema has fewer columns. */
  #prepare(columns: RawRow['columns']): StatementSync {
    const known = this.#db.prepare(`SELECT name FROM pragma_table_info('${this.#table}')`).all();
    this.#columns = known.map(({ name }) => String(name)).filter((name) => name in columns);
    const names = ['rowid', ...this.#columns];
    // Of sequences there is one in every new file.
    const conflict = this.#table === 'sequences' ? 'REPLACE' : 'ABORT';
    return this.#db.prepare(
      `INSERT OR ${conflict} INTO ${this.#table} (${names.join()}) VALUES (${names.map(() => '?').join()})`,
    );
  }

  #count(values: readonly SQLInputValue[]): void {
    for (const value of values) this.#bytes += value instanceof Uint8Array ? value.byteLength : 0;
    if (++this.#rows < MOST_ROWS_A_TRANSACTION && this.#bytes < MOST_BYTES_A_TRANSACTION) return;
    this.#db.exec('COMMIT; BEGIN');
    this.#rows = 0;
    this.#bytes = 0;
  }
}
