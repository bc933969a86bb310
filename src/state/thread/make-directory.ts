import { chmodSync, existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { syncDirectory } from '../sync.ts';

/**
 * Makes a directory for its owner alone, and those that it is to lie in, unless it is there. Node's own recursive `mkdir`
 * never ends where a file system answers ENOENT although the parent is there (/proc). Throws what the system says.
 */
export function makeDirectory(directory: string): void {
  if (isDirectory(directory)) return;
  const parent = dirname(resolve(directory));
  try {
    if (!existsSync(parent)) makeDirectory(parent);
    mkdirSync(directory);
  } catch (error) {
    // Somebody else was quicker.
    if (isDirectory(directory)) return;
    throw error;
  }
  chmodSync(directory, 0o700);
  // It is there after a power cut only when the one that it is in was synced.
  syncDirectory(parent);
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
