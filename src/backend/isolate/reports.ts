import type { RunLog } from '../contract.ts';
import { type LogLevel, REPORTS_AT_ONCE, REPORTS_PER_SECOND } from '../messages.ts';
import type { Channel } from './channel.ts';
import { textOf } from './thrown.ts';

/** Progress is told this often at most; the last always. */
const PROGRESS_EVERY_MS = 100;

/** Log lines and progress of one run on their way to the daemon: as many as it may send, the rest counted. */
export class Reports {
  readonly #channel: Channel;
  readonly #run: number;
  #left = REPORTS_AT_ONCE;
  #refilledAt = performance.now();
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
    if (performance.now() - this.#progressToldAt >= PROGRESS_EVERY_MS) this.#tellProgress();
  };

  /** Tells what was held back; nothing goes out after that. */
  finish(): void {
    this.#tellProgress();
    this.#tellDropped();
    this.#isOver = true;
  }

  #write(level: LogLevel, message: unknown): void {
    if (this.#isOver) return;
    if (!this.#mayReport()) {
      this.#dropped++;
      return;
    }
    this.#tellDropped();
    this.#channel.send({ type: 'log', run: this.#run, level, message: textOf(message) });
  }

  #tellDropped(): void {
    if (this.#dropped === 0 || this.#isOver) return;
    const message = `${this.#dropped} log lines were dropped: more than ${REPORTS_PER_SECOND} a second`;
    this.#dropped = 0;
    this.#channel.send({ type: 'log', run: this.#run, level: 'warn', message });
  }

  #tellProgress(): void {
    if (this.#progress === undefined || this.#isOver) return;
    this.#channel.send({ type: 'progress', run: this.#run, ...this.#progress });
    this.#progress = undefined;
    this.#progressToldAt = performance.now();
  }

  #mayReport(): boolean {
    const now = performance.now();
    const refill = ((now - this.#refilledAt) * REPORTS_PER_SECOND) / 1000;
    this.#left = Math.min(REPORTS_AT_ONCE, this.#left + refill);
    this.#refilledAt = now;
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }
}
