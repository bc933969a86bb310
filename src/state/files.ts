import { join } from 'node:path';

/** What lies in the data directory. */
export interface StateFiles {
  /** The database. SQLite puts `-wal` and `-shm` beside it. */
  readonly database: string;
  /** Locked by the daemon as long as it lives. */
  readonly lock: string;
  /** Who that daemon is. */
  readonly owner: string;
}

export function stateFilesIn(directory: string): StateFiles {
  return {
    database: join(directory, 'state.sqlite'),
    lock: join(directory, 'lock'),
    owner: join(directory, 'owner.json'),
  };
}

/** What SQLite has for a database besides its file. */
export function companionsOf(database: string): readonly string[] {
  return [`${database}-wal`, `${database}-shm`];
}
