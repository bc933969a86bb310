import { Worker } from 'node:worker_threads';

/** Says that nothing else ends this process when the daemon dies. */
export const WATCH_PARENT = '--watch-parent';

/** Runs in a thread of its own, so that it goes on while the backend spins. */
const watcher = `
const parent = process.ppid;
setInterval(() => { if (process.ppid !== parent) process.kill(-process.pid, 'SIGKILL'); }, 500);
`;

/** Ends this process and those it started soon after the daemon is gone. */
export function watchParent(): void {
  new Worker(watcher, { eval: true, resourceLimits: { maxOldGenerationSizeMb: 8 } }).unref();
}
