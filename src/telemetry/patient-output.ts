import { writeSync } from 'node:fs';
import type { Clock, Timer } from '../clock.ts';
import { HeldLines } from './held-lines.ts';
import type { LineWriter } from './text-form.ts';

/** Of lines that wait, in characters. */
const LIMIT = 4 * 1_024 * 1_024;
const CHUNK = 64 * 1_024;
const FIRST_DELAY_MS = 10;
/** A reader that stands still is not looked at more often. */
const LONGEST_DELAY_MS = 200;
const SLEEP_MS = 5;

/**
 * Writes lines to a file descriptor, those of one turn of the event loop together, as long as their reader takes them.
 * While it does not, they wait within a bound and nobody waits for them: what finds no room is counted. Needs a
 * descriptor that does not block.
 */
export class PatientOutput implements LineWriter {
  /** Called when a reader that was too slow for this many lines has caught up. */
  onCaughtUp: (dropped: number) => void = () => {};
  readonly #fd: number;
  readonly #clock: Clock;
  readonly #held: HeldLines;
  /** Lines of this turn of the event loop. */
  #turn = '';
  #turnEnd: NodeJS.Immediate | undefined;
  /** What is left of the bytes that are being written. */
  #rest: Buffer | undefined;
  #retry: Timer | undefined;
  #delayMs = FIRST_DELAY_MS;
  #dropped = 0;
  #untold = 0;

  constructor(fd: number, clock: Clock, limit = LIMIT) {
    this.#fd = fd;
    this.#clock = clock;
    this.#held = new HeldLines(limit);
  }

  /** Lines that were dropped so far. */
  get dropped(): number {
    return this.#dropped;
  }

  write(line: string, level: number): void {
    if (this.#rest !== undefined) {
      this.#noteDropped(this.#held.push(line, level));
      return;
    }
    this.#turn += line;
    if (this.#turn.length >= CHUNK) this.#endTurn();
    else this.#turnEnd ??= setImmediate(() => this.#endTurn());
  }

  /** Writes what waits before it returns, or as much as the reader takes in this time. */
  flush(withinMs: number): void {
    const until = this.#clock.monotonic() + withinMs;
    this.#endTurn();
    this.#writeOn();
    while (this.#rest !== undefined && this.#clock.monotonic() < until) {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, SLEEP_MS);
      this.#writeOn();
    }
    this.#retry?.cancel();
  }

  #endTurn(): void {
    clearImmediate(this.#turnEnd);
    this.#turnEnd = undefined;
    if (this.#turn === '') return;
    this.#rest = this.#put(Buffer.from(this.#turn));
    this.#turn = '';
    if (this.#rest !== undefined) this.#retryLater();
  }

  #writeOn(): void {
    while (this.#rest !== undefined) {
      const left = this.#put(this.#rest);
      this.#delayMs = left?.length === this.#rest.length ? this.#longerDelay() : FIRST_DELAY_MS;
      this.#rest = left;
      if (left === undefined && !this.#held.isEmpty) this.#rest = Buffer.from(this.#held.take(CHUNK));
      else break;
    }
    if (this.#rest === undefined) this.#tellDropped();
    else this.#retryLater();
  }

  /** Returns what the reader has no room for. A reader that is gone, or a full disk, gets nothing and stops nothing. */
  #put(bytes: Buffer): Buffer | undefined {
    let written = 0;
    try {
      while (written < bytes.length) written += writeSync(this.#fd, bytes, written);
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'EAGAIN')
        return bytes.subarray(written);
    }
    return undefined;
  }

  #retryLater(): void {
    this.#retry?.cancel();
    this.#retry = this.#clock.after(this.#delayMs, () => this.#writeOn());
  }

  #longerDelay(): number {
    return Math.min(2 * this.#delayMs, LONGEST_DELAY_MS);
  }

  #noteDropped(count: number): void {
    this.#dropped += count;
    this.#untold += count;
  }

  #tellDropped(): void {
    if (this.#untold === 0) return;
    const dropped = this.#untold;
    this.#untold = 0;
    this.onCaughtUp(dropped);
  }
}
