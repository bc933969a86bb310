import { closeSync, fsyncSync, openSync, writeFileSync } from 'node:fs';

/** Returns when what was made, renamed or removed in a directory is on the disk. */
export function syncDirectory(directory: string): void {
  syncFile(directory);
}

/** Returns when a file's content is on the disk. */
export function syncFile(file: string): void {
  const descriptor = openSync(file, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** A file for its owner alone, on the disk when this returns. */
export function writeSynced(file: string, text: string): void {
  writeFileSync(file, text, { mode: 0o600 });
  syncFile(file);
}
