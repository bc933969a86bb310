import { readFileSync } from 'node:fs';
import type { Clock } from '../clock.ts';
import { fieldsInStat, sizeInStatus } from '../proc-status.ts';

/** What a process uses, and has used since it began. */
export interface ProcessUsage {
  readonly residentKiB: number;
  /** The most that was resident at once. */
  readonly peakKiB: number;
  /** Of all its threads, and of programs that it started and that have ended. */
  readonly cpuMs: number;
}

/** Two readings cost the daemon about 60 us: many runs that begin or end together share one. */
const READ_EVERY_MS = 5;

/** The kernel tells times to everybody in hundredths of a second. */
const MS_PER_TICK = 10;

/** Reads what a process uses, as far as the system tells. */
export class UsageMeter {
  readonly #pid: number;
  readonly #clock: Clock;
  #last: ProcessUsage | undefined;
  #readAt = Number.NEGATIVE_INFINITY;

  constructor(pid: number, clock: Clock) {
    this.#pid = pid;
    this.#clock = clock;
  }

  /** What was read last: all there is to know of a process that is gone. */
  get last(): ProcessUsage | undefined {
    return this.#last;
  }

  /** undefined where the system does not tell. */
  read(): ProcessUsage | undefined {
    const now = this.#clock.monotonic();
    if (now - this.#readAt < READ_EVERY_MS) return this.#last;
    this.#readAt = now;
    this.#last = usageOf(this.#pid) ?? this.#last;
    return this.#last;
  }
}

function usageOf(pid: number): ProcessUsage | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    const residentKiB = sizeInStatus(status, 'VmRSS');
    const peakKiB = sizeInStatus(status, 'VmHWM');
    if (residentKiB === undefined || peakKiB === undefined) return undefined;
    return { residentKiB, peakKiB, cpuMs: cpuMsIn(readFileSync(`/proc/${pid}/stat`, 'latin1')) };
  } catch {
    return undefined;
  }
}

/** User and system time, its own and that of what it waited for: fields 14 to 17, the first two of which are pid and name. */
function cpuMsIn(stat: string): number {
  const ticksSpent = fieldsInStat(stat).slice(11, 15);
  return ticksSpent.reduce((sum, ticks) => sum + Number(ticks), 0) * MS_PER_TICK;
}
