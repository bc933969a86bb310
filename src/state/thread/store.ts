import type { DatabaseSync } from 'node:sqlite';
import { messageOf } from '../../errors.ts';
import { type Shares, type StateBounds, sharesOf } from '../bounds.ts';
import { type Answer, CALL_KINDS, type Call, type CallName, type Calls, type UpkeepCalls } from '../calls.ts';
import { batchTable } from '../database/batch-table.ts';
import { diskFaultOf, NO_SPACE } from '../database/faults.ts';
import { KeptAmount, NoRoomError } from '../database/kept-amount.ts';
import { type LetterTable, letterTable } from '../database/letter-table.ts';
import { openDatabase, PAGE_BYTES } from '../database/open-database.ts';
import { policyTable } from '../database/policy-table.ts';
import { type RunTable, runTable } from '../database/run-table.ts';
import { salvage } from '../repair/salvage.ts';
import { DiskRoom } from './disk-room.ts';
import { bytesOf } from './groups.ts';
import { putInPlace } from './place.ts';
import type { ProcessIdentity } from './process-identity.ts';
import { Upkeep } from './upkeep.ts';

type TableName = Exclude<CallName, keyof UpkeepCalls>;
/** What is asked of the tables. */
export type TableCall = Call<TableName>;
type TableCalls = { readonly [Name in TableName]: (...parameters: Parameters<Calls[Name]>) => unknown };

/** Earlier lives that are on record, for whoever looks into the file. */
const MOST_LIVES = 1_000;
/** Given back to a full disk at once: they are moved within the file, and take as much of the log. */
const PAGES_GIVEN_BACK = 32;

/** The open database, with all its tables. Whatever throws a fault of the disk has changed nothing. */
export class Store {
  readonly upkeep: Upkeep;
  /** The number of the daemon's life, for when the file is opened again in the same one. */
  readonly life: number;
  readonly #db: DatabaseSync;
  readonly #shares: Shares;
  readonly #room: DiskRoom;
  readonly #calls: TableCalls;
  readonly #runs: RunTable;
  readonly #letters: LetterTable;
  readonly #waiting: KeptAmount;
  readonly #letterBytes: KeptAmount;
  readonly #letterCount: KeptAmount;
  /** undefined: not set yet. */
  #isSynced: boolean | undefined;

  /** @param life the number of the present one; of a process: its new one begins. */
  constructor(file: string, bounds: StateBounds, life: ProcessIdentity | number) {
    const shares = sharesOf(bounds.dataMaxBytes);
    this.#shares = shares;
    this.#db = openDatabase(file, shares.log);
    try {
      this.life = typeof life === 'number' ? life : beginLife(this.#db, life);
      this.#waiting = new KeptAmount(bytesIn(this.#db, 'spool'), shares.spool);
      this.#letterBytes = new KeptAmount(bytesIn(this.#db, 'letters'), shares.letters);
      this.#letterCount = new KeptAmount(lettersIn(this.#db), Infinity);
      const letters = letterTable(this.#db, this.#letterBytes, this.#letterCount);
      this.#letters = letters;
      this.upkeep = new Upkeep(this.#db, bounds, shares, letters);
      this.#room = new DiskRoom(file, () => this.upkeep.measure());
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
    return this.#waiting.committed;
  }

  get letterCount(): number {
    return this.#letterCount.committed;
  }

  get droppedLetters(): number {
    return this.#letters.dropped;
  }

  /** Does all of it in one transaction, on the disk when this returns if `isSynced`. A call that fails by itself fails alone. */
  transact(calls: readonly TableCall[], isSynced: boolean): Answer[] {
    const growth = calls.reduce((sum, call) => sum + growthOf(call), 0);
    this.#room.begin(growth, () => this.#takeOver());
    return this.#inTransaction(isSynced, () => calls.flatMap((call) => this.#attempt(call)));
  }

  /** Of the last transaction: the most that one call was refused because the disk is nearly full; 0: none was. */
  get refusedBytes(): number {
    return this.#room.refusedBytes;
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

  /** Gives the disk back what is in no use, until so many bytes more have room; throws a `NoRoomError` when they have none. */
  makeRoom(bytes: number): void {
    this.#takeOver();
    while (!this.#room.has(bytes)) {
      const { free } = this.upkeep.measure();
      if (free < PAGES_GIVEN_BACK * PAGE_BYTES) throw new NoRoomError(NO_SPACE);
      this.#db.exec(`PRAGMA incremental_vacuum(${PAGES_GIVEN_BACK})`);
      this.#takeOver();
    }
  }

  /** Takes the log over into the file, and gives what it took back to the disk. */
  #takeOver(): void {
    this.#db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  }

  /** Takes the log over into the file, as far as nobody reads it. */
  checkpoint(): void {
    this.#db.exec('PRAGMA wal_checkpoint(PASSIVE)');
  }

  /** Makes a copy of everything in the place of a file that is gone; the store itself is to be closed then. */
  moveTo(database: string): void {
    const copy = `${database}.new`;
    salvage(this.#db, copy, this.#shares.log);
    putInPlace(copy, database);
  }

  close(): void {
    this.#db.close();
  }

  #inTransaction<T>(isSynced: boolean, work: () => T): T {
    this.#setSynced(isSynced);
    this.#db.exec('BEGIN');
    try {
      const result = work();
      this.#db.exec('COMMIT');
      for (const amount of this.#amounts) amount.commit();
      return result;
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      for (const amount of this.#amounts) amount.rollback();
      this.#runs.takenBack();
      throw error;
    }
  }

  /** Has an effect only outside of a transaction. */
  #setSynced(isSynced: boolean): void {
    if (this.#isSynced === isSynced) return;
    this.#db.exec(`PRAGMA synchronous = ${isSynced ? 'FULL' : 'NORMAL'}`);
    this.#isSynced = isSynced;
  }

  #attempt(call: TableCall): Answer[] {
    const marks = this.#amounts.map((amount) => amount.mark());
    this.#db.exec('SAVEPOINT attempt');
    try {
      const value = this.#perform(call, growthOf(call));
      this.#db.exec('RELEASE attempt');
      return answersTo(call, value);
    } catch (error) {
      if (diskFaultOf(error) !== undefined || !this.#db.isTransaction) throw error;
      this.#db.exec('ROLLBACK TO attempt; RELEASE attempt');
      this.#runs.takenBack();
      this.#amounts.forEach((amount, index) => {
        amount.backTo(marks[index] ?? amount.mark());
      });
      return [failureOf(call, error)];
    }
  }

  #perform<Name extends TableName>({ name, parameters }: Call<Name>, growth: number): unknown {
    if (growth > 0 && this.upkeep.content() + growth > this.#shares.content) {
      this.upkeep.wantRoom();
      throw new NoRoomError();
    }
    if (growth > 0) this.#room.admit(growth);
    return this.#calls[name](...parameters);
  }

  get #amounts(): readonly KeptAmount[] {
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

function bytesIn(db: DatabaseSync, table: 'spool' | 'letters'): number {
  return Number(db.prepare(`SELECT coalesce(sum(byte_length), 0) AS sum FROM ${table}`).get()?.sum);
}

function lettersIn(db: DatabaseSync): number {
  return Number(db.prepare('SELECT count(*) AS count FROM letters').get()?.count);
}
