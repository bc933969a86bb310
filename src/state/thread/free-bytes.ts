import { statfsSync } from 'node:fs';

/** What is left of the file system that a directory is on, for whoever is not root; Infinity where it does not say. */
export function freeBytesAt(directory: string): number {
  try {
    const { blocks, bavail, bsize } = statfsSync(directory);
    return blocks === 0 ? Infinity : bavail * bsize;
  } catch {
    return Infinity;
  }
}
