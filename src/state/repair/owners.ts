import { lchownSync, lstatSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { allOf, type StateFiles } from '../files.ts';
import { asidesIn } from './files-aside.ts';

/** What of ours in a data directory belongs to another user than the directory does. */
export function strangersIn(directory: string, files: StateFiles): string[] {
  const { uid } = statSync(directory);
  const folders = asidesIn(directory).map(({ folder }) => folder);
  const all = [...allOf(files), ...folders, ...folders.flatMap((folder) => within(folder))];
  return all.filter((file) => (lstatSync(file, { throwIfNoEntry: false })?.uid ?? uid) !== uid);
}

/** A folder of another user may not be looked into. */
function within(folder: string): string[] {
  try {
    return readdirSync(folder).map((name) => join(folder, name));
  } catch {
    return [];
  }
}

/** What root has made in the directory of a daemon that runs as another user is to be that user's, who could not use it. */
export function giveToOwner(directory: string, files: StateFiles): void {
  for (const file of strangersIn(directory, files)) give(file, directory);
}

/** Gives a file to the user of the directory, if this is root; where a file system does not let root, the doctor tells. */
export function give(file: string, directory: string): void {
  if (process.geteuid?.() !== 0) return;
  const { uid, gid } = statSync(directory);
  try {
    lchownSync(file, uid, gid);
  } catch {
    // It stays root's.
  }
}
