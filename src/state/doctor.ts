import { chmodSync, existsSync, lstatSync, rmSync, statSync } from 'node:fs';
import { messageOf, StartError } from '../errors.ts';
import { diskFaultOf } from './database/faults.ts';
import { SCHEMA_VERSION } from './database/migrations.ts';
import { openDatabase } from './database/open-database.ts';
import { companionsOf, type StateFiles, stateFilesIn } from './files.ts';
import { examineFiles, openFilesIn } from './repair/examine-files.ts';
import { examineRows } from './repair/examine-rows.ts';
import { findDamage, isDamage, openReadOnly } from './repair/find-damage.ts';
import type { Finding } from './repair/finding.ts';
import { mend } from './repair/mend.ts';
import { giveToOwner } from './repair/owners.ts';
import type { Repair } from './repair/repair-report.ts';
import { isOfThisBoot } from './thread/boot.ts';
import { holdDirectory, ownerIn } from './thread/hold-directory.ts';
import { isAlive, thisProcess } from './thread/process-identity.ts';

/** What a data directory is like. */
export interface Examination {
  readonly directory: string;
  /** Of the daemon that has it; undefined: none has. */
  readonly daemonPid: number | undefined;
  readonly findings: readonly Finding[];
  /** Nothing but notes. */
  readonly isSound: boolean;
}

/** What was done about it. */
export interface Treatment {
  readonly before: Examination;
  /** undefined: the data file was left as it is. */
  readonly repair: Repair | undefined;
  readonly after: Examination;
}

const MOST_LOG_BYTES = 64 * 1024 * 1024;

/**
 * Looks at everything in a data directory and changes nothing; a daemon may be at work in it. Throws a `StartError` when
 * there is no such directory, or it may not be read.
 */
export function examine(directory: string): Examination {
  checkDirectory(directory);
  const files = stateFilesIn(directory);
  const owner = ownerIn(files.owner);
  const daemonPid = owner && owner.pid !== process.pid && isAlive(owner) ? owner.pid : undefined;
  const isSameBoot = daemonPid === undefined && isOfThisBoot(files.database, owner, thisProcess());
  const known = { daemonPid, isSameBoot, wasUsed: owner !== undefined };
  return asStartError(() => examination(directory, files, known));
}

/**
 * Sets what is damaged aside, with a report, and goes on with what can be read; removes nothing. Throws a `StartError`
 * when a daemon has the directory, or it cannot be written.
 */
export function repair(directory: string): Treatment {
  checkDirectory(directory);
  const files = stateFilesIn(directory);
  const wasUsed = ownerIn(files.owner) !== undefined;
  const held = asStartError(() => holdDirectory(directory, files));
  try {
    const isSameBoot = isOfThisBoot(files.database, held.before, held.owner);
    const state = { daemonPid: undefined, isSameBoot, wasUsed };
    const before = examination(directory, files, state);
    for (const file of openFilesIn(directory, files)) chmodSync(file, lstatSync(file).mode & 0o700);
    const damage = before.findings.filter(({ severity }) => severity === 'damage');
    const known = damage.map(({ where, what }) => `${where}: ${what}`);
    const options = { directory, files, isSameBoot, wasUsed, depth: 'full', now: Date.now() } as const;
    const done = asStartError(() => {
      const made = mend({ ...options, mostLogBytes: MOST_LOG_BYTES }, known);
      // A log that is taken over needs no more repair.
      if (existsSync(files.database)) openDatabase(files.database, MOST_LOG_BYTES).close();
      giveToOwner(directory, files);
      return made;
    });
    return { before, repair: done, after: examination(directory, files, { ...state, isSameBoot: false }) };
  } finally {
    held.release();
  }
}

interface Known {
  readonly daemonPid: number | undefined;
  readonly isSameBoot: boolean;
  readonly wasUsed: boolean;
}

function examination(directory: string, files: StateFiles, known: Known): Examination {
  const findings = [...examineFiles(directory, files), ...examineDatabase(files, known)];
  const isSound = findings.every(({ severity }) => severity === 'note');
  return { directory, daemonPid: known.daemonPid, findings, isSound };
}

function examineDatabase({ database }: StateFiles, { daemonPid, isSameBoot, wasUsed }: Known): Finding[] {
  const found = new Set(companionsOf(database).filter((file) => existsSync(file)));
  try {
    const damage = findDamage(database, { depth: 'full', isSameBoot, wasUsed });
    const findings = damage.map((what) => damageOf(database, what));
    if (!existsSync(database) || statSync(database).size === 0) return findings;
    return [...findings, ...withDatabase(database, daemonPid !== undefined)];
  } catch (error) {
    return [unusable(database, diskFaultOf(error) ?? messageOf(error))];
  } finally {
    const made = companionsOf(database).filter((file) => !found.has(file));
    if (daemonPid === undefined) for (const file of made) rmSync(file, { force: true });
  }
}

function withDatabase(database: string, isDaemonAlive: boolean): Finding[] {
  const db = openReadOnly(database);
  try {
    const version = Number(db.prepare('PRAGMA user_version').get()?.user_version);
    if (version > SCHEMA_VERSION) return [newer(database, version)];
    return version < 1 ? [] : examineRows(db, isDaemonAlive);
  } catch (error) {
    if (isDamage(error)) return [];
    throw error;
  } finally {
    db.close();
  }
}

function damageOf(where: string, what: string): Finding {
  return {
    severity: 'damage',
    where,
    what,
    meaning: 'Some of what is kept may be lost.',
    remedy:
      'A repair sets the file aside as it is and takes all that can be read over into a new one; so does a start.',
  };
}

function newer(where: string, version: number): Finding {
  return {
    severity: 'warning',
    where,
    what: `it has schema version ${version}, and this orb-worker knows up to ${SCHEMA_VERSION}`,
    meaning: 'A later version of orb-worker has written it; this one does not start with it.',
    remedy: 'Use the version that wrote it, or a later one.',
  };
}

function unusable(where: string, what: string): Finding {
  return {
    severity: 'warning',
    where,
    what,
    meaning: 'orb-worker cannot use it as it is, and nothing in it could be looked at.',
    remedy: 'Make it readable for this user, or name another directory.',
  };
}

function checkDirectory(directory: string): void {
  const stat = asStartError(() => statSync(directory, { throwIfNoEntry: false }));
  if (!stat?.isDirectory()) throw new StartError(1, `there is no data directory ${directory}`);
}

function asStartError<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new StartError(1, diskFaultOf(error) ?? messageOf(error), { cause: error });
  }
}
