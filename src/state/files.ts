import { statSync } from 'node:fs';
import { join } from 'node:path';

/** What lies in the data directory. */
export interface StateFiles {
  /** The database. SQLite puts `-wal` and `-shm` beside it. */
  readonly database: string;
  /** Locked by the daemon as long as it lives. */
  readonly lock: string;
  /** Who that daemon is. */
  readonly owner: string;
  /** Takes room, to be given up on a full disk. */
  readonly reserve: string;
}

export function stateFilesIn(directory: string): StateFiles {
  return {
    database: join(directory, 'state.sqlite'),
    lock: join(directory, 'lock'),
    owner: join(directory, 'owner.json'),
    reserve: join(directory, 'reserve'),
  };
}

/** All of these that may be there. */
export function allOf({ database, lock, owner, reserve }: StateFiles): readonly string[] {
  return [database, ...companionsOf(database), lock, owner, reserve];
}

/** What SQLite has for a database besides its file. */
export function companionsOf(database: string): readonly string[] {
  return [`${database}-wal`, `${database}-shm`];
}

/** In bytes; 0 of what is not there, or may not be looked at. */
export function sizeOf(file: string): number {
  try {
    return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  } catch {
    return 0;
  }
}
