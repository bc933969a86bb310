import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import type { Delivery } from '../delivery/contract.ts';
import type { Events } from '../events.ts';
import type { BatchEncoding } from '../sink/contract.ts';
import type { BesideSchedule } from './contract.ts';

/** What every run of the daemon uses. */
export interface RunParts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly events: Events;
  readonly delivery: Delivery;
  readonly encoding: BatchEncoding;
  /** A batch closes this long after its first entity; undefined: only by size and at the run's end. */
  readonly closeBatchAfterMs: number | undefined;
  /** For policies that set none; undefined: none. */
  readonly runTimeoutMs: number | undefined;
}

/** What a run that may begin others uses. */
export interface ActiveParts extends RunParts {
  readonly beside: BesideSchedule;
}
