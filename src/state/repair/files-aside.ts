import { closeSync, existsSync, mkdirSync, openSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { companionsOf, type StateFiles } from '../files.ts';
import { syncDirectory } from '../sync.ts';

const PREFIX = 'damaged-';
/** Written last: a folder without one is of a repair that did not come to its end. */
const REPORT = 'report.json';

/** A folder for what is damaged, and what is in it. */
export interface Aside {
  readonly folder: string;
  /** The database as it was; its companions lie beside it. */
  readonly database: string;
  readonly report: string;
  readonly reportText: string;
}

export function asideIn(folder: string): Aside {
  return {
    folder,
    database: join(folder, 'state.sqlite'),
    report: join(folder, REPORT),
    reportText: join(folder, 'report.txt'),
  };
}

/** All folders of earlier repairs, oldest first. */
export function asidesIn(directory: string): readonly Aside[] {
  return readdirSync(directory)
    .filter((name) => name.startsWith(PREFIX))
    .sort()
    .map((name) => asideIn(join(directory, name)));
}

/** The repair that was cut off, if one was. */
export function unfinishedIn(directory: string): Aside | undefined {
  return asidesIn(directory).find(({ report }) => !existsSync(report));
}

/** A new folder, `damaged-2026-11-23T04-30-48Z`. */
export function makeAside(directory: string, now: Date): Aside {
  const name = `${PREFIX}${now.toISOString().slice(0, 19).replaceAll(':', '-')}Z`;
  for (let count = 1; ; count++) {
    const folder = join(directory, count === 1 ? name : `${name}-${count}`);
    if (existsSync(folder)) continue;
    mkdirSync(folder, { mode: 0o700 });
    syncDirectory(directory);
    return asideIn(folder);
  }
}

/** Moves the database there, first the file itself, so that what is left of a move that was cut off can be told. */
export function moveAside(files: StateFiles, aside: Aside): void {
  const [wal = '', shm = ''] = companionsOf(files.database);
  const [asideWal = '', asideShm = ''] = companionsOf(aside.database);
  moveIfThere(files.database, aside.database);
  // Its being there says that all that follows under the old name is new.
  closeSync(openSync(aside.database, 'a', 0o600));
  moveIfThere(wal, asideWal);
  moveIfThere(shm, asideShm);
  syncDirectory(aside.folder);
}

function moveIfThere(from: string, to: string): void {
  if (existsSync(from)) renameSync(from, to);
}
