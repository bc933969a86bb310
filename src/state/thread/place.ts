import { existsSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { companionsOf } from '../files.ts';
import { syncDirectory, syncFile } from '../sync.ts';

/** Somebody has removed the files of the database, or put others in their place. */
export class MisplacedError extends Error {
  override readonly name = 'MisplacedError';

  constructor() {
    super('the data file or its log was removed or replaced while it was in use');
  }
}

/** The files that an open database has, so that it is noticed when they are gone: SQLite goes on writing to what nobody finds again. */
export class Place {
  readonly #files: readonly string[];
  readonly #identities: readonly string[];

  constructor(database: string) {
    const [log = ''] = companionsOf(database);
    this.#files = [database, log];
    this.#identities = this.#look();
  }

  /** Throws a {@link MisplacedError}. */
  check(): void {
    if (!this.isHeld()) throw new MisplacedError();
  }

  isHeld(): boolean {
    return this.#look().every((identity, index) => identity === this.#identities[index]);
  }

  #look(): string[] {
    return this.#files.map((file) => {
      const stat = statSync(file, { throwIfNoEntry: false, bigint: true });
      return stat ? `${stat.dev} ${stat.ino}` : '';
    });
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
