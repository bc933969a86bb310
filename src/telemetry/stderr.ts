import { fstatSync } from 'node:fs';
import { isatty } from 'node:tty';
import type { Clock } from '../clock.ts';
import { PatientOutput } from './patient-output.ts';

const STDERR = 2;
/** What a slow reader gets to take the last lines before the process ends. */
const LAST_WORDS_MS = 500;

/** The process's standard error, as the log writes to it: nobody waits for its reader. */
export class Stderr extends PatientOutput {
  readonly isTTY = isatty(STDERR);
  readonly #clock: Clock;
  #endBy = Number.POSITIVE_INFINITY;

  constructor(clock: Clock) {
    super(STDERR, clock);
    this.#clock = clock;
    leaveUnblocked();
    process.once('exit', () => this.flushAtEnd());
  }

  /** However slow the reader is, the process ends within `withinMs` from now. */
  endWithin(withinMs: number): void {
    this.#endBy = this.#clock.monotonic() + withinMs;
  }

  /** The process ends: writes what waits, or as much of it as its reader takes in half a second. */
  flushAtEnd(): void {
    this.flush(Math.min(LAST_WORDS_MS, this.#endBy - this.#clock.monotonic()));
  }
}

/** Node takes the blocking off a pipe or socket when its own stream for it is made. Files and terminals block, briefly. */
function leaveUnblocked(): void {
  const kind = fstatSync(STDERR);
  if (kind.isFIFO() || kind.isSocket()) process.stderr.on('error', () => {});
}
