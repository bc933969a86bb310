import { closeSync, openSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { messageOf } from '../../errors.ts';
import { diskFaultOf, sqliteCodeOf } from '../database/faults.ts';
import type { StateFiles } from '../files.ts';
import { give } from '../repair/owners.ts';
import { makeDirectory } from './make-directory.ts';
import { isAlive, type ProcessIdentity, thisProcess } from './process-identity.ts';

/** A daemon that is about to end gets this long to do so. */
const LOCK_WAIT_MS = 2_000;
const LOOK_AGAIN_MS = 20;
const SQLITE_BUSY = 5;

/** The directory cannot be had; the message is for a person. */
export class DirectoryError extends Error {
  override readonly name = 'DirectoryError';
}

/** A directory that is this process's alone. */
export interface HeldDirectory {
  readonly owner: ProcessIdentity;
  /** Who had it last; undefined: nobody, or nobody can say. */
  readonly before: ProcessIdentity | undefined;
  /**
   * Makes sure that it still is, whatever somebody has removed from it. Throws a {@link DirectoryError} where another
   * daemon has taken it by then, and what the system says where it cannot be looked into.
   */
  holdOn(): void;
  release(): void;
}

/**
 * Makes the directory where there is none, and locks it against every other daemon. The kernel lets go of the lock when
 * the process ends, however it does. Throws {@link DirectoryError}.
 */
export function holdDirectory(directory: string, files: StateFiles): HeldDirectory {
  try {
    makeDirectory(directory);
    makeLock(directory, files);
  } catch (error) {
    throw new DirectoryError(`the data directory ${directory} cannot be used: ${messageOf(error)}`);
  }
  let lock: DatabaseSync | undefined = lockFile(directory, files);
  try {
    const before = ownerIn(files.owner);
    const owner = takeOver(directory, files, before);
    const holdOn = (): void => {
      // Never made anew: it may lie on a disk that was taken away.
      statSync(directory);
      if (isOurs(directory, files, owner) && lock) return;
      makeLock(directory, files);
      lock?.close();
      lock = undefined;
      lock = lockFile(directory, files);
      takeOver(directory, files, undefined);
    };
    return { owner, before, holdOn, release: () => lock?.close() };
  } catch (error) {
    lock.close();
    throw error;
  }
}

/** Only its lock counts: what is in it may be damaged. */
function makeLock(directory: string, { lock }: StateFiles): void {
  closeSync(openSync(lock, 'w', 0o600));
  // SQLite gives what it puts beside it to the same user.
  give(lock, directory);
}

/** Whether its note is there; throws a {@link DirectoryError} where that is another daemon's. */
function isOurs(directory: string, files: StateFiles, owner: ProcessIdentity): boolean {
  const found = ownerIn(files.owner);
  if (found === undefined) return false;
  if (JSON.stringify(found) === JSON.stringify(owner)) return true;
  throw new DirectoryError(
    `the orb-worker with pid ${found.pid} has taken the data directory ${directory} from this one, which is to be ended`,
  );
}

function lockFile(directory: string, files: StateFiles): DatabaseSync {
  const lock = new DatabaseSync(files.lock, { timeout: LOCK_WAIT_MS });
  try {
    // Never ended: the lock lasts as long.
    lock.exec('BEGIN EXCLUSIVE');
    return lock;
  } catch (error) {
    lock.close();
    if (sqliteCodeOf(error) === SQLITE_BUSY) throw inUse(directory, ownerIn(files.owner));
    throw new DirectoryError(
      `the data directory ${directory} cannot be used: ${diskFaultOf(error) ?? messageOf(error)}`,
    );
  }
}

/** A lock file that was removed and made anew can be locked beside the old one: the daemon before must be gone, too. */
function takeOver(
  directory: string,
  files: StateFiles,
  before: ProcessIdentity | undefined,
): ProcessIdentity {
  const owner = thisProcess();
  if (before && before.pid !== owner.pid && !endsSoon(before)) throw inUse(directory, before);
  try {
    const draft = `${files.owner}.new`;
    writeFileSync(draft, `${JSON.stringify(owner)}\n`, { mode: 0o600 });
    give(draft, directory);
    renameSync(draft, files.owner);
  } catch (error) {
    throw new DirectoryError(`the data directory ${directory} cannot be written: ${messageOf(error)}`);
  }
  return owner;
}

/** One that has let go of its lock may still be about to end. */
function endsSoon(daemon: ProcessIdentity): boolean {
  const nobody = new Int32Array(new SharedArrayBuffer(4));
  for (let waitedMs = 0; isAlive(daemon); waitedMs += LOOK_AGAIN_MS) {
    if (waitedMs >= LOCK_WAIT_MS) return false;
    Atomics.wait(nobody, 0, 0, LOOK_AGAIN_MS);
  }
  return true;
}

function inUse(directory: string, owner: ProcessIdentity | undefined): DirectoryError {
  const whose = owner ? `the orb-worker with pid ${owner.pid}` : 'another orb-worker';
  return new DirectoryError(`the data directory ${directory} is in use by ${whose}`);
}

/** undefined: nobody, or nobody can say. */
export function ownerIn(file: string): ProcessIdentity | undefined {
  try {
    const noted: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (typeof noted !== 'object' || noted === null) return undefined;
    const { bootId, pid, started } = { bootId: '', pid: 0, started: '', ...noted };
    return { bootId: String(bootId), pid: Number(pid), started: String(started) };
  } catch {
    return undefined;
  }
}
