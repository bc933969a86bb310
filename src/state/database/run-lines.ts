import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { LineRow, LogRows } from '../calls.ts';

/** Of one run; earlier lines make room. */
const MOST_LINES = 1_000;
const MOST_BYTES = 64 * 1024;
/** Lines make room only when there are this many times more of them, many at once. */
const SLACK = 1.25;
/** Runs whose place in the table is remembered. */
const MOST_REMEMBERED = 10_000;

interface Place {
  readonly run: number;
  next: number;
  lines: number;
  bytes: number;
}

/** The last lines of runs. A line's number says how many came before it. */
export class RunLines {
  /** By run id; used longest ago first. undefined: no such run. */
  readonly #places = new Map<string, Place>();
  readonly #find: StatementSync;
  readonly #insert: StatementSync;
  readonly #newestFirst: StatementSync;
  readonly #dropBefore: StatementSync;

  constructor(db: DatabaseSync) {
    this.#find = db.prepare(`
      SELECT sequence, coalesce((SELECT max(number) + 1 FROM run_lines WHERE run = sequence), dropped_lines) AS next,
        (SELECT count(*) FROM run_lines WHERE run = sequence) AS lines,
        (SELECT coalesce(sum(octet_length(message)), 0) FROM run_lines WHERE run = sequence) AS bytes
      FROM runs WHERE id = ?
    `);
    this.#insert = db.prepare(
      'INSERT INTO run_lines (run, number, at, level, message) VALUES (?, ?, ?, ?, ?)',
    );
    this.#newestFirst = db.prepare(`
      SELECT number, at, level, message FROM run_lines WHERE run = ? ORDER BY number DESC LIMIT ${MOST_LINES}
    `);
    this.#dropBefore = db.prepare('DELETE FROM run_lines WHERE run = ? AND number < ?');
  }

  /** A line of a run that is not known is dropped. */
  add([runId, at, level, message]: LineRow): void {
    const place = this.#placeOf(runId);
    if (!place) return;
    const text = JSON.stringify(message);
    this.#insert.run(place.run, place.next++, at, level, text);
    place.lines++;
    place.bytes += Buffer.byteLength(text);
    if (place.lines > MOST_LINES * SLACK || place.bytes > MOST_BYTES * SLACK) this.#makeRoom(runId, place);
  }

  of(runId: string): LogRows {
    const place = this.#look(runId);
    if (!place) return { lines: [], dropped: 0 };
    const kept = this.#lastOf(place);
    return {
      lines: kept.map(({ at, level, message }) => ({ at, level, message })),
      dropped: kept[0]?.number ?? place.next,
    };
  }

  /** What is remembered may be wrong: a transaction was taken back, or lines were dropped by others. */
  forget(): void {
    this.#places.clear();
  }

  #placeOf(runId: string): Place | undefined {
    const place = this.#places.get(runId) ?? this.#look(runId);
    if (!place) return undefined;
    this.#places.delete(runId);
    this.#places.set(runId, place);
    if (this.#places.size > MOST_REMEMBERED) {
      for (const oldest of this.#places.keys()) {
        this.#places.delete(oldest);
        break;
      }
    }
    return place;
  }

  #look(runId: string): Place | undefined {
    const found = this.#find.get(runId);
    if (!found) return undefined;
    const { sequence, next, lines, bytes } = found;
    return { run: Number(sequence), next: Number(next), lines: Number(lines), bytes: Number(bytes) };
  }

  #makeRoom(runId: string, place: Place): void {
    const first = this.#lastOf(place)[0]?.number ?? place.next;
    this.#dropBefore.run(place.run, first);
    this.#places.delete(runId);
  }

  /** Those within the bounds, oldest first. */
  #lastOf({ run }: Place): { number: number; at: number; level: string; message: string }[] {
    const kept = [];
    let bytes = 0;
    for (const { number, at, level, message } of this.#newestFirst.iterate(run)) {
      const text = String(message);
      bytes += Buffer.byteLength(text);
      if (bytes > MOST_BYTES) break;
      kept.push({ number: Number(number), at: Number(at), level: String(level), message: text });
    }
    return kept.reverse();
  }
}
