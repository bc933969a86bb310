import type { DatabaseSync } from 'node:sqlite';
import { messageOf } from '../../errors.ts';
import { type StateBounds, sharesOf } from '../bounds.ts';
import { type Answer, CALL_KINDS, type Call, type CallName, type Calls, type UpkeepCalls } from '../calls.ts';
import { salvage } from '../repair/salvage.ts';
import { batchTable } from './batch-table.ts';
import { diskFaultOf } from './faults.ts';
import { bytesOf } from './groups.ts';
import { type LetterTable, letterTable } from './letter-table.ts';
import { openDatabase } from './open-database.ts';
import { putInPlace } from './place.ts';
import { policyTable } from './policy-table.ts';
import type { ProcessIdentity } from './process-identity.ts';
import { type RunTable, runTable } from './run-table.ts';
import { NoRoomError, StoredBytes } from './stored-bytes.ts';
import { Upkeep } from './upkeep.ts';

type TableName = Exclude<CallName, keyof UpkeepCalls>;
/** What is asked of the tables. */
export type TableCall = Call<TableName>;
type TableCalls = { readonly [Name in TableName]: (...parameters: Parameters<Calls[Name]>) => unknown };

/** Earlier lives that are on record, for whoever looks into the file. */
const MOST_LIVES = 1_000;

/** The open database, with all its tables. Whatever throws a fault of the disk has changed nothing. */
export class Store {
  readonly upkeep: Upkeep;
  /** The number of the daemon's life, for when the file is opened again in the same one. */
  readonly life: number;
  readonly #db: DatabaseSync;
  readonly #mostContent: number;
  readonly #mostLog: number;
  readonly #calls: TableCalls;
  readonly #runs: RunTable;
  readonly #letters: LetterTable;
  readonly #waiting: StoredBytes;
  readonly #letterBytes: StoredBytes;
  readonly #letterCount: StoredBytes;
  #isFull: boolean | undefined;

  /** @param life undefined: a new one of this process begins. */
  constructor(file: string, bounds: StateBounds, life: ProcessIdentity | number) {
    const shares = sharesOf(bounds.dataMaxBytes);
    this.#mostContent = shares.content;
    this.#mostLog = shares.log;
    this.#db = openDatabase(file, shares.log);
    try {
      this.life = typeof life === 'number' ? life : beginLife(this.#db, life);
      this.#waiting = new StoredBytes(sumOf(this.#db, 'spool'), shares.spool);
      this.#letterBytes = new StoredBytes(sumOf(this.#db, 'letters'), shares.letters);
      this.#letterCount = new StoredBytes(countOf(this.#db, 'letters'), Infinity);
      const letters = letterTable(this.#db, this.#letterBytes, this.#letterCount);
      this.#letters = letters;
      this.upkeep = new Upkeep(this.#db, bounds, shares, letters);
      this.#runs = runTable(this.#db, this.life, (policy) => this.upkeep.touch(policy));
      this.#calls = {
        ...policyTable(this.#db),
        ...this.#runs,
        ...batchTable(this.#db, letters, this.#waiting),
        ...letters,
      };
    } catch (error) {
      this.#db.close();
      throw error;
    }
  }

  get waitingBytes(): number {
    return this.#waiting.bytes;
  }

  get letterCount(): number {
    return this.#letterCount.bytes;
  }

  get droppedLetters(): number {
    return this.#letters.dropped;
  }

  /** Does all of it in one transaction, on the disk when this returns if `isSynced`. A call that fails by itself fails alone. */
  transact(calls: readonly TableCall[], isSynced: boolean): Answer[] {
    return this.#inTransaction(isSynced, () => calls.flatMap((call) => this.#attempt(call)));
  }

  /** Outside of a transaction. */
  read(call: TableCall): Answer {
    try {
      return { number: call.number, kind: 'done', value: this.#perform(call, growthOf(call)) };
    } catch (error) {
      return failureOf(call, error);
    }
  }

  /** One step of the upkeep. */
  maintain(): void {
    this.#inTransaction(false, () => this.upkeep.step());
  }

  /** Writes so many bytes and takes them away again. */
  probe(bytes: number): void {
    const insert = this.#db.prepare('INSERT INTO probe (bytes) VALUES (zeroblob(?))');
    this.#inTransaction(true, () => insert.run(bytes));
    this.#inTransaction(true, () => this.#db.exec('DELETE FROM probe'));
  }

  /** Takes the log over into the file, as far as nobody reads it. */
  checkpoint(): void {
    this.#db.exec('PRAGMA wal_checkpoint(PASSIVE)');
  }

  /** Makes a copy of everything in the place of a file that is gone; the store itself is to be closed then. */
  moveTo(database: string): void {
    const copy = `${database}.new`;
    salvage(this.#db, copy, this.#mostLog);
    putInPlace(copy, database);
  }

  close(): void {
    this.#db.close();
  }

  #inTransaction<T>(isSynced: boolean, work: () => T): T {
    this.#syncEachCommit(isSynced);
    this.#db.exec('BEGIN');
    try {
      const result = work();
      this.#db.exec('COMMIT');
      for (const counter of this.#counters) counter.commit();
      return result;
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      for (const counter of this.#counters) counter.rollback();
      this.#runs.takenBack();
      throw error;
    }
  }

  /** Has an effect only outside of a transaction. */
  #syncEachCommit(isFull: boolean): void {
    if (this.#isFull === isFull) return;
    this.#db.exec(`PRAGMA synchronous = ${isFull ? 'FULL' : 'NORMAL'}`);
    this.#isFull = isFull;
  }

  #attempt(call: TableCall): Answer[] {
    const marks = this.#counters.map((counter) => counter.mark());
    this.#db.exec('SAVEPOINT attempt');
    try {
      const value = this.#perform(call, growthOf(call));
      this.#db.exec('RELEASE attempt');
      return answersTo(call, value);
    } catch (error) {
      if (diskFaultOf(error) !== undefined || !this.#db.isTransaction) throw error;
      this.#db.exec('ROLLBACK TO attempt; RELEASE attempt');
      this.#runs.takenBack();
      this.#counters.forEach((counter, index) => {
        counter.backTo(marks[index] ?? counter.mark());
      });
      return [failureOf(call, error)];
    }
  }

  #perform<Name extends TableName>({ name, parameters }: Call<Name>, growth: number): unknown {
    if (growth > 0 && this.upkeep.content() + growth > this.#mostContent) {
      this.upkeep.wantRoom();
      throw new NoRoomError('the data directory is full (--data-max-bytes)');
    }
    return this.#calls[name](...parameters);
  }

  get #counters(): readonly StoredBytes[] {
    return [this.#waiting, this.#letterBytes, this.#letterCount];
  }
}

/** For what is only noted nobody waits: it is answered with what could not be done. */
function answersTo({ name, number }: TableCall, value: unknown): Answer[] {
  if (CALL_KINDS[name] !== 'noted') return [{ number, kind: 'done', value }];
  const failures = Array.isArray(value) ? value : [];
  return failures.map((failure) => ({ number, kind: 'failed', message: String(failure) }));
}

/** Bytes that a call adds, if it may be refused. */
function growthOf(call: Call): number {
  return call.name === 'batches.keep' || call.name === 'policies.save' ? bytesOf(call) : 0;
}

function failureOf({ number }: Call, error: unknown): Answer {
  const fault = error instanceof NoRoomError ? error.message : diskFaultOf(error);
  if (fault !== undefined) return { number, kind: 'unavailable', message: fault };
  return { number, kind: 'failed', message: messageOf(error) };
}

function beginLife(db: DatabaseSync, { bootId, pid, started }: ProcessIdentity): number {
  const insert = db.prepare('INSERT INTO lives (boot_id, pid, started) VALUES (?, ?, ?) RETURNING number');
  const life = Number(insert.get(bootId, pid, started)?.number);
  // A life that ended while it tried the disk.
  db.exec('DELETE FROM probe');
  db.prepare('DELETE FROM lives WHERE number <= ?').run(life - MOST_LIVES);
  return life;
}

function sumOf(db: DatabaseSync, table: 'spool' | 'letters'): number {
  return Number(db.prepare(`SELECT coalesce(sum(byte_length), 0) AS sum FROM ${table}`).get()?.sum);
}

function countOf(db: DatabaseSync, table: 'letters'): number {
  return Number(db.prepare(`SELECT count(*) AS count FROM ${table}`).get()?.count);
}
