import type { LogLevel } from '../../options.ts';
import type { RunLog } from '../contract.ts';
import { REPORT_RATE } from '../messages.ts';
import { RateLimit } from '../rate.ts';
import type { Channel } from './channel.ts';
import { now } from './natives.ts';
import { textOf } from './thrown.ts';

/** Progress is told this often at most; the last always. */
const PROGRESS_EVERY_MS = 100;

/** Log lines, failures and progress of one run or life on their way to the daemon: as many as it may send, the rest counted. */
export class Reports {
  readonly #channel: Channel;
  readonly #run: number;
  readonly #limit = new RateLimit(REPORT_RATE, now());
  #dropped = 0;
  #progress: { done: number; total: number | null } | undefined;
  #progressToldAt = Number.NEGATIVE_INFINITY;
  #isOver = false;

  constructor(channel: Channel, run: number) {
    this.#channel = channel;
    this.#run = run;
  }

  readonly log: RunLog = {
    debug: (message) => this.#write('debug', message),
    info: (message) => this.#write('info', message),
    warn: (message) => this.#write('warn', message),
    error: (message) => this.#write('error', message),
  };

  readonly progress = (done: number, total?: number): void => {
    if (!Number.isFinite(done)) return;
    this.#progress = { done, total: Number.isFinite(total) ? (total ?? null) : null };
    if (now() - this.#progressToldAt >= PROGRESS_EVERY_MS) this.#tellProgress();
  };

  /** Counts as a log line. */
  readonly recordFailure = (error: unknown): void => {
    if (this.#isOver) return;
    if (this.#limit.take(now())) {
      this.#channel.send({ type: 'failure', run: this.#run, reason: textOf(error) });
    } else this.#dropped++;
  };

  /** Tells what was held back; nothing goes out after that. */
  finish(): void {
    this.#tellProgress();
    this.#tellDropped();
    this.#isOver = true;
  }

  #write(level: LogLevel, message: unknown): void {
    if (this.#isOver) return;
    if (!this.#limit.take(now())) {
      this.#dropped++;
      return;
    }
    this.#tellDropped();
    this.#channel.send({ type: 'log', run: this.#run, level, message: textOf(message) });
  }

  #tellDropped(): void {
    if (this.#dropped === 0 || this.#isOver) return;
    const message = `${this.#dropped} log lines were dropped: more than ${REPORT_RATE.perSecond} a second`;
    this.#dropped = 0;
    this.#channel.send({ type: 'log', run: this.#run, level: 'warn', message });
  }

  #tellProgress(): void {
    if (this.#progress === undefined || this.#isOver) return;
    this.#channel.send({ type: 'progress', run: this.#run, ...this.#progress });
    this.#progress = undefined;
    this.#progressToldAt = now();
  }
}
