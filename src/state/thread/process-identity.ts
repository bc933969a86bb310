import { readFileSync } from 'node:fs';
import { fieldsInStat } from '../../proc-status.ts';

/** A process, told apart from every other one that has had or will have its pid; `''` where the system does not tell. */
export interface ProcessIdentity {
  readonly bootId: string;
  readonly pid: number;
  /** Ticks from the boot to its start. */
  readonly started: string;
}

/** Of {@link fieldsInStat}. */
const STATE_FIELD = 0;
const START_FIELD = 19;
/** It has ended, and whoever started it has not asked how. */
const ZOMBIE = 'Z';

export function thisProcess(): ProcessIdentity {
  return { bootId: bootId(), pid: process.pid, started: startOf(process.pid) };
}

/** Whether this very process is alive: same boot, same pid, started at the same tick, and not ended. */
export function isAlive({ bootId: boot, pid, started }: ProcessIdentity): boolean {
  return started !== '' && boot === bootId() && startOf(pid) === started;
}

function bootId(): string {
  return textOf('/proc/sys/kernel/random/boot_id').trim();
}

function startOf(pid: number): string {
  const fields = fieldsInStat(textOf(`/proc/${pid}/stat`));
  return fields[STATE_FIELD] === ZOMBIE ? '' : (fields[START_FIELD] ?? '');
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
