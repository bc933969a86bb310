import { statSync } from 'node:fs';
import { uptime } from 'node:os';
import { companionsOf } from '../files.ts';
import type { ProcessIdentity } from './process-identity.ts';

/** Whether the machine has been running since the log of a database was written: nothing of it was lost by a power cut. */
export function isOfThisBoot(
  database: string,
  before: ProcessIdentity | undefined,
  now: Pick<ProcessIdentity, 'bootId'>,
): boolean {
  if (before === undefined || before.bootId === '' || before.bootId !== now.bootId) return false;
  const [log = ''] = companionsOf(database);
  const writtenAt = statSync(log, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return writtenAt > Date.now() - uptime() * 1_000;
}
