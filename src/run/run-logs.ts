import type { KeptLines, RunLine } from './contract.ts';

/** Of one run; earlier lines make room. */
const MOST_LINES = 1_000;
const MOST_BYTES = 64 * 1024;
/** Of all runs; those that were written to longest ago make room. */
const MOST_BYTES_IN_ALL = 16 * 1024 * 1024;

/** What a line takes besides its text, about. */
const BYTES_PER_LINE = 100;

const NOTHING: KeptLines = { lines: [], dropped: 0 };

interface KeptLog {
  readonly lines: RunLine[];
  textBytes: number;
  dropped: number;
}

/** The last lines of runs, within fixed bounds. */
export class RunLogs {
  /** Written to longest ago first. */
  readonly #logs = new Map<string, KeptLog>();
  /** Lines of runs of whom nothing else is left. */
  readonly #dropped = new Map<string, number>();
  #bytes = 0;

  add(runId: string, line: RunLine): void {
    const log = this.#takeOut(runId);
    this.#logs.set(runId, log);
    log.lines.push(line);
    log.textBytes += bytesOf(line);
    this.#bytes += bytesOf(line) + BYTES_PER_LINE;
    while (log.lines.length > MOST_LINES || log.textBytes > MOST_BYTES) this.#dropFirst(log);
    while (this.#bytes > MOST_BYTES_IN_ALL) this.#dropOldest();
  }

  /** The latest line is the last. */
  of(runId: string): KeptLines {
    const log = this.#logs.get(runId);
    if (log) return { lines: log.lines, dropped: log.dropped };
    const dropped = this.#dropped.get(runId);
    return dropped === undefined ? NOTHING : { lines: [], dropped };
  }

  forget(runId: string): void {
    const log = this.#takeOut(runId);
    while (log.lines.length > 0) this.#dropFirst(log);
  }

  #takeOut(runId: string): KeptLog {
    const log = this.#logs.get(runId) ?? {
      lines: [],
      textBytes: 0,
      dropped: this.#dropped.get(runId) ?? 0,
    };
    this.#logs.delete(runId);
    this.#dropped.delete(runId);
    return log;
  }

  #dropFirst(log: KeptLog): void {
    const line = log.lines.shift();
    if (!line) return;
    log.dropped++;
    log.textBytes -= bytesOf(line);
    this.#bytes -= bytesOf(line) + BYTES_PER_LINE;
  }

  #dropOldest(): void {
    for (const [runId, log] of this.#logs) {
      this.#dropped.set(runId, log.dropped + log.lines.length);
      this.#logs.delete(runId);
      while (log.lines.length > 0) this.#dropFirst(log);
      return;
    }
  }
}

function bytesOf({ message }: RunLine): number {
  return Buffer.byteLength(message);
}
