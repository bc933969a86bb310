import { setTimeout as pause } from 'node:timers/promises';
import { isAlive } from '../../support/real-daemon.ts';

/** By then all that is owed is done, and processes whose daemon was killed are gone. */
const PATIENCE_MS = 60_000;
const CHILDREN_PATIENCE_MS = 10_000;
const LOOK_AGAIN_MS = 100;

/** Resolves when none of these processes is there any more. */
export async function gone(pids: readonly number[]): Promise<void> {
  const left = (): string[] => pids.filter(isAlive).map((pid) => `process ${pid} is left`);
  await until('the end of the processes of a daemon that is gone', async () => left(), CHILDREN_PATIENCE_MS);
}

/** Resolves when there is nothing that `missing` resolves with; rejects with that after a while. */
export async function until(
  what: string,
  missing: () => Promise<readonly string[]>,
  patienceMs = PATIENCE_MS,
): Promise<void> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const left = await missing();
    if (left.length === 0) return;
    if (performance.now() > deadline) throw new Error(`${what} did not come: ${listed(left)}`);
    await pause(LOOK_AGAIN_MS);
  }
}

const MOST_LISTED = 20;

/** The first of them, a line each. */
export function listed(findings: readonly string[]): string {
  const more = findings.length > MOST_LISTED ? [`and ${findings.length - MOST_LISTED} more`] : [];
  return ['', ...findings.slice(0, MOST_LISTED), ...more].join('\n  ');
}
