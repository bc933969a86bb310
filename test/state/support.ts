import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Logger, pino } from 'pino';
import { onTestFinished } from 'vitest';
import { type Clock, systemClock } from '../../src/clock.ts';
import type { BatchReceipt } from '../../src/delivery/batch-store.ts';
import type { Batch } from '../../src/sink/contract.ts';
import type { StateBounds } from '../../src/state/bounds.ts';
import type { State } from '../../src/state/contract.ts';
import { openState } from '../../src/state/open-state.ts';
import { receiptOf } from './objects.ts';

const MIB = 1024 * 1024;

/** Where a sync costs nothing, if there is such a place: for tests that keep very much and pull no plug. */
export const QUICK = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/** A directory that is gone after the test. */
export function temporaryDirectory(root = tmpdir()): string {
  const directory = mkdtempSync(join(root, 'orb-state-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export const WITHOUT_MOUNT = 'this process may not mount a file system (run as root to try it)';

/** A file system of its own, if this process may make one. */
export function mounted(size: string): string | undefined {
  const directory = temporaryDirectory();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=700`, 'tmpfs', directory], {
      stdio: 'pipe',
    });
  } catch {
    return undefined;
  }
  onTestFinished(() => void execFileSync('umount', ['-l', directory]));
  return directory;
}

interface Opening {
  readonly clock?: Clock;
  readonly log?: Logger;
  readonly bounds?: Partial<StateBounds>;
}

/** Opens the state in a directory; whoever does not close it leaves that to the end of the test. */
export async function open(directory: string, { clock, log, bounds }: Opening = {}): Promise<State> {
  const state = await openState({
    directory,
    clock: clock ?? systemClock,
    log: log ?? pino({ level: 'silent' }),
    bounds: { historyRuns: 100, historyAgeMs: 30 * 86_400_000, dataMaxBytes: 512 * MIB, ...bounds },
  });
  onTestFinished(() => state.close());
  return state;
}

export function keep(state: State, batch: Batch, changes: Partial<BatchReceipt> = {}): Promise<void> {
  return state.batches.keep(batch, receiptOf(batch, changes), 'diode', 'p1');
}
