import { readFileSync } from 'node:fs';

/** How many files this process may have open at once, connections among them; undefined where nothing bounds or tells it. */
export function mostOpenFiles(): number | undefined {
  const most = /^Max open files\s+(\d+)/m.exec(readLimits())?.[1];
  return most === undefined ? undefined : Number(most);
}

function readLimits(): string {
  try {
    return readFileSync('/proc/self/limits', 'latin1');
  } catch {
    return '';
  }
}
