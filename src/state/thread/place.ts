import { existsSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { faultWords } from '../database/faults.ts';
import { companionsOf } from '../files.ts';
import { LOG_OF_CHANGES } from '../repair/find-damage.ts';
import { syncDirectory, syncFile } from '../sync.ts';

/** The files of the database are not as they were left, or may not be looked at. */
export class PlaceError extends Error {
  override readonly name: string = 'PlaceError';
}

/** Somebody has removed them, or put others in their place. */
export class MisplacedError extends PlaceError {
  override readonly name = 'MisplacedError';

  constructor() {
    super('the data file or its log was removed or replaced while it was in use');
  }
}

/** Somebody has cut some of one off: what was in it is gone, and SQLite goes on as if it was there. */
export class CutOffError extends PlaceError {
  override readonly name = 'CutOffError';
}

interface Look {
  readonly identity: string;
  readonly bytes: bigint;
}

/**
 * The files that an open database has, so that it is noticed when they are gone or cut off: SQLite goes on writing to what
 * nobody finds again.
 */
export class Place {
  readonly #files: readonly (readonly [file: string, name: string])[];
  readonly #first: readonly Look[];
  #last: readonly Look[];

  constructor(database: string) {
    const [log = ''] = companionsOf(database);
    this.#files = [
      [database, 'the data file'],
      [log, LOG_OF_CHANGES],
    ];
    this.#first = this.#look();
    this.#last = this.#first;
  }

  /** Before the files are used: throws a {@link PlaceError}. */
  check(): void {
    const now = this.#look();
    if (!this.#areThere(now)) throw new MisplacedError();
    const cut = this.#files.find((_, index) => (now[index]?.bytes ?? 0n) < (this.#last[index]?.bytes ?? 0n));
    if (cut) throw new CutOffError(`${cut[1]} was cut off while it was in use`);
  }

  /** After they were used. */
  note(): void {
    try {
      this.#last = this.#look();
    } catch {
      // Whoever uses them next is told.
    }
  }

  /** Throws a {@link PlaceError} where nobody can say. */
  isHeld(): boolean {
    return this.#areThere(this.#look());
  }

  #areThere(now: readonly Look[]): boolean {
    return now.every(({ identity }, index) => identity === this.#first[index]?.identity);
  }

  #look(): Look[] {
    return this.#files.map(([file]) => lookAt(file));
  }
}

function lookAt(file: string): Look {
  try {
    const stat = statSync(file, { throwIfNoEntry: false, bigint: true });
    return stat ? { identity: `${stat.dev} ${stat.ino}`, bytes: stat.size } : { identity: '', bytes: 0n };
  } catch (error) {
    throw new PlaceError(faultWords(error), { cause: error });
  }
}

/** Puts a copy where the database was; whatever lies there by now is renamed, so that it can be looked at. */
export function putInPlace(copy: string, database: string): void {
  syncFile(copy);
  if (existsSync(database)) renameSync(database, `${database}.replaced`);
  for (const file of companionsOf(database)) rmSync(file, { force: true });
  renameSync(copy, database);
  syncDirectory(dirname(database));
}
