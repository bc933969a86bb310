import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';

/** Says that nothing else ends this process when the daemon dies. */
export const WATCH_PARENT = '--watch-parent';

/** Runs in a thread of its own, so that it goes on while the backend spins. */
const watcher = `
const parent = process.ppid;
setInterval(() => { if (process.ppid !== parent) process.kill(-process.pid, 'SIGKILL'); }, 500);
`;

/** The entry of the auxiliary vector (getauxval(3)) that says whether the program got rights by being started. */
const AT_SECURE = 23n;

/**
 * True when the kernel forgot, as this process became Node, that it should end with the daemon: it does so for a program
 * with file capabilities (prctl(2), PR_SET_PDEATHSIG).
 */
export function losesParentSignal(): boolean {
  try {
    return isSecure(readFileSync('/proc/self/auxv'));
  } catch {
    return false;
  }
}

/** Pairs of words, here of 8 bytes: what, and its value. */
function isSecure(vector: Buffer): boolean {
  const words = new BigUint64Array(vector.buffer.slice(vector.byteOffset, vector.byteOffset + vector.length));
  return words.some((word, index) => index % 2 === 0 && word === AT_SECURE && words[index + 1] === 1n);
}

/** Ends this process and those it started soon after the daemon is gone. */
export function watchParent(): void {
  new Worker(watcher, { eval: true, resourceLimits: { maxOldGenerationSizeMb: 8 } }).unref();
}
