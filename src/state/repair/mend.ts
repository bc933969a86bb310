import { existsSync, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { messageOf } from '../../errors.ts';
import { diskFaultOf } from '../database/faults.ts';
import { openDatabase } from '../database/open-database.ts';
import { companionsOf, type StateFiles } from '../files.ts';
import { syncDirectory, syncFile, writeSynced } from '../sync.ts';
import { type Aside, asideIn, makeAside, moveAside, unfinishedIn } from './files-aside.ts';
import { findDamage, type Inspection, isDamage } from './find-damage.ts';
import { giveToOwner } from './owners.ts';
import { withReadableSource } from './readable-source.ts';
import { describeRepair, type Repair } from './repair-report.ts';
import { salvage } from './salvage.ts';

export interface MendOptions extends Inspection {
  readonly directory: string;
  readonly files: StateFiles;
  readonly mostLogBytes: number;
  /** Epoch ms. */
  readonly now: number;
}

/**
 * Looks for damage, and where there is any sets the database aside as it was, with a report, and goes on with a new one
 * that has all that can be read. Takes up what an earlier call could not finish. Nobody else may have the directory.
 * Returns undefined when all was well. Throws what SQLite or the system say of the disk.
 * @param known what is known to be wrong already, so that nothing has to be looked for.
 */
export function mend(options: MendOptions, known: readonly string[] = []): Repair | undefined {
  const unfinished = unfinishedIn(options.directory);
  if (unfinished) return finish(unfinished, ['an earlier repair was cut off'], options);
  const damage = known.length > 0 ? known : findDamage(options.files.database, options);
  if (damage.length === 0) return undefined;
  return finish(makeAside(options.directory, new Date(options.now)), damage, options);
}

/** The disk does not take what can be read; the next attempt goes on with it. */
class RepairError extends Error {
  override readonly name = 'RepairError';
}

function finish(aside: Aside, damage: readonly string[], options: MendOptions): Repair {
  try {
    return goOn(aside, damage, options);
  } catch (error) {
    const reason = diskFaultOf(error) ?? messageOf(error);
    throw new RepairError(
      `the data file is damaged, and what can be read of it cannot be taken over into a new one: ${reason}`,
      { cause: error },
    );
  }
}

/** Each step can be cut off: the next call goes on from there. */
function goOn(aside: Aside, damage: readonly string[], options: MendOptions): Repair {
  const { files, directory, now } = options;
  // A file in both places: the new one is in place, and only the report is missing.
  const isReplaced = existsSync(files.database) && existsSync(aside.database);
  if (!isReplaced) moveAside(files, aside);
  const salvaged = isReplaced ? NOT_KNOWN : replace(aside, options);
  const at = new Date(now).toISOString();
  const repair: Repair = { at, folder: aside.folder, damage, ...salvaged, writtenAgain: [] };
  report(repair);
  giveToOwner(directory, files);
  syncDirectory(directory);
  return repair;
}

/** Writes the report, in the place of an earlier one. */
export function report(repair: Repair): void {
  const aside = asideIn(repair.folder);
  writeSynced(aside.reportText, describeRepair(repair));
  writeSynced(`${aside.report}.new`, `${JSON.stringify(repair, null, 2)}\n`);
  renameSync(`${aside.report}.new`, aside.report);
  syncDirectory(aside.folder);
}

type Salvaged = Pick<Repair, 'failure' | 'tables'>;

/** The report was cut off behind the work. */
const NOT_KNOWN: Salvaged = { failure: undefined, tables: [] };

/** Puts a new database in the place of the one that was set aside. */
function replace(aside: Aside, { files, directory, mostLogBytes, isSameBoot }: MendOptions): Salvaged {
  const draft = join(directory, `${basename(files.database)}.new`);
  const salvaged = salvageInto(draft, aside, mostLogBytes, isSameBoot);
  syncFile(draft);
  renameSync(draft, files.database);
  syncDirectory(directory);
  return salvaged;
}

/** Whatever becomes of it, there is a database afterwards, if the disk takes one. */
function salvageInto(draft: string, aside: Aside, mostLogBytes: number, isSameBoot: boolean): Salvaged {
  try {
    const tables = withReadableSource(aside, isSameBoot, (db) => salvage(db, draft, mostLogBytes));
    return { failure: undefined, tables };
  } catch (error) {
    if (isOfTheDisk(error)) throw error;
    for (const file of [draft, ...companionsOf(draft)]) rmSync(file, { force: true });
    openDatabase(draft, mostLogBytes).close();
    return { failure: messageOf(error), tables: [] };
  }
}

/** It may pass, and then all can be read: no room, no permission, not a file that is damaged. */
function isOfTheDisk(error: unknown): boolean {
  const isOfSystem = error instanceof Error && 'syscall' in error;
  return isOfSystem || (diskFaultOf(error) !== undefined && !isDamage(error));
}
