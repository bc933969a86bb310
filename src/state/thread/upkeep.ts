import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import type { Shares, StateBounds } from '../bounds.ts';
import type { LetterTable } from '../database/letter-table.ts';
import { LIVE_STATUS_LIST } from '../live-status-list.ts';
import type { FileMeasure } from './disk-room.ts';

/** What is done at once, so that no commit waits long. */
const POLICIES_A_STEP = 32;
const RUNS_A_STEP = 100;
const RECEIPTS_A_STEP = 500;
const LETTERS_A_STEP = 10;
const PAGES_A_STEP = 256;
/** Of the policy's runs, what those that were skipped may be at most: many of them push no real run out. */
const SKIPPED_SHARE = 0.2;
/** What backends hand over beside the schedule is counted apart, for the same reason. */
const IS_REAL = "status <> 'skipped' AND trigger <> 'ingest'";
/** The file gives pages back to the disk when more of them than this share are free. */
const FREE_SHARE = 0.25;

const IS_FINAL = `status NOT IN ${LIVE_STATUS_LIST}`;
/** Nothing of it is still to be done. */
const IS_SETTLED = `${IS_FINAL}
  AND NOT EXISTS (SELECT 1 FROM batches WHERE run_id = runs.id AND outcome = 'waiting')
  AND NOT EXISTS (SELECT 1 FROM letters WHERE run_id = runs.id)`;
/** It is not the one that tells when its policy's schedule was last due. */
const MAY_GO = `(
  trigger <> 'cron' OR NOT EXISTS (SELECT 1 FROM policies WHERE number = runs.policy_number) OR EXISTS (
    SELECT 1 FROM runs AS later WHERE later.policy = runs.policy AND later.sequence > runs.sequence
      AND later.trigger = 'cron' AND later.policy_number = runs.policy_number
  )
)`;
const CAN_BE_DROPPED = `${IS_SETTLED} AND ${MAY_GO}`;

/** Each `next` is a small step, to be taken in a transaction of its own. */
type Steps = Generator<void, void, void>;

/**
 * Drops what is beyond the bounds: runs that are too many or too old; when room is scarce history first (lines,
 * receipts, runs), then dead letters. A batch that waits never goes, nor does the latest run of a policy's schedule:
 * moments after that one count as missed.
 */
export class Upkeep {
  readonly #db: DatabaseSync;
  readonly #bounds: StateBounds;
  readonly #shares: Shares;
  readonly #letters: LetterTable;
  /** Policies of whom a run has ended since they were looked at. */
  readonly #touched = new Set<string>();
  readonly #sizes: StatementSync;
  readonly #noteSequence: StatementSync;
  readonly #dropLines: StatementSync;
  readonly #dropReceipts: StatementSync;
  readonly #dropRun: StatementSync;
  #hasSeenAll = false;
  #isRoomWanted = false;
  #work: Steps | undefined;

  constructor(db: DatabaseSync, bounds: StateBounds, shares: Shares, letters: LetterTable) {
    this.#db = db;
    this.#bounds = bounds;
    this.#shares = shares;
    this.#letters = letters;
    this.#sizes = db.prepare(`
      SELECT page_size AS size, page_count AS pages, freelist_count AS free
      FROM pragma_page_size, pragma_page_count, pragma_freelist_count
    `);
    this.#noteSequence = db.prepare("UPDATE sequences SET last = max(last, ?) WHERE name = 'run'");
    this.#dropLines = db.prepare('DELETE FROM run_lines WHERE run = ?');
    this.#dropReceipts = db.prepare("DELETE FROM batches WHERE run_id = ? AND outcome <> 'waiting'");
    this.#dropRun = db.prepare('DELETE FROM runs WHERE sequence = ? RETURNING id');
  }

  /** A run of it has ended. */
  touch(policy: string): void {
    this.#touched.add(policy);
  }

  /** Bytes of the file's content, free pages not counted. */
  content(): number {
    const { all, free } = this.measure();
    return all - free;
  }

  /** Bytes of the file, as of the last change. */
  measure(): FileMeasure {
    const { size, pages, free } = this.#measure();
    return { all: pages * size, free: free * size };
  }

  /** Something could not be kept for want of room. */
  wantRoom(): void {
    this.#isRoomWanted = true;
  }

  get isRoomWanted(): boolean {
    return this.#isRoomWanted;
  }

  /** Begins a round, unless one is under way. `now`: epoch ms. */
  begin(now: number): void {
    this.#work ??= this.#round(now);
  }

  /** Does a small part of what is to be done; false when nothing is left. */
  step(): boolean {
    if (!this.#work?.next().done) return this.#work !== undefined;
    this.#work = undefined;
    return false;
  }

  get isAtWork(): boolean {
    return this.#work !== undefined;
  }

  abandon(): void {
    this.#work = undefined;
  }

  *#round(now: number): Steps {
    if (!this.#hasSeenAll) yield* this.#touchAll();
    this.#hasSeenAll = true;
    yield* this.#dropSurplus();
    yield* this.#dropOld(now - this.#bounds.historyAgeMs);
    if (this.#isRoomWanted || this.content() > this.#shares.dropAbove) {
      this.#isRoomWanted = false;
      yield* this.#makeRoom();
    }
    yield* this.#shrink();
  }

  *#touchAll(): Steps {
    const next = this.#db.prepare('SELECT policy FROM runs WHERE policy > ? ORDER BY policy LIMIT 1');
    let row = next.get('');
    for (let count = 1; row; count++) {
      const policy = String(row.policy);
      this.#touched.add(policy);
      row = next.get(policy);
      if (count % POLICIES_A_STEP === 0) yield;
    }
  }

  *#dropSurplus(): Steps {
    const mostSkipped = Math.floor(this.#bounds.historyRuns * SKIPPED_SHARE);
    const surplus = (condition: string, most: number): StatementSync =>
      this.#db.prepare(`
        SELECT sequence FROM runs WHERE policy = ? AND ${condition} AND ${CAN_BE_DROPPED} AND sequence <= (
          SELECT sequence FROM runs WHERE policy = ? AND ${condition} ORDER BY sequence DESC LIMIT 1 OFFSET ${most}
        ) ORDER BY sequence LIMIT ${RUNS_A_STEP}
      `);
    const skipped = surplus("status = 'skipped'", mostSkipped);
    const real = surplus(IS_REAL, this.#bounds.historyRuns - mostSkipped);
    const ingests = surplus("trigger = 'ingest'", this.#bounds.historyRuns);
    let count = 0;
    for (const policy of this.#touched) {
      this.#touched.delete(policy);
      for (const statement of [skipped, real, ingests]) {
        while (this.#drop(statement.all(policy, policy)) === RUNS_A_STEP) yield;
      }
      if (++count % POLICIES_A_STEP === 0) yield;
    }
  }

  *#dropOld(before: number): Steps {
    const old = this.#db.prepare(`
      SELECT sequence FROM runs WHERE sequence > ? AND created_at < ? AND finished_at < ? AND ${CAN_BE_DROPPED}
      ORDER BY sequence LIMIT ${RUNS_A_STEP}
    `);
    // Later runs are younger: the first that is not too old ends the search.
    const firstYoung = this.#db.prepare(
      'SELECT sequence, created_at FROM runs WHERE sequence > ? ORDER BY sequence LIMIT 1',
    );
    let last = 0;
    for (;;) {
      const first = firstYoung.get(last);
      if (!first || Number(first.created_at) >= before) break;
      const rows = old.all(last, before, before);
      this.#drop(rows);
      last = Number(rows.at(-1)?.sequence ?? Number.MAX_SAFE_INTEGER);
      yield;
    }
    const orphans = this.#db.prepare(`
      DELETE FROM batches WHERE number IN (
        SELECT number FROM batches WHERE accepted_at < ? AND outcome <> 'waiting'
          AND NOT EXISTS (SELECT 1 FROM runs WHERE id = run_id) LIMIT ${RECEIPTS_A_STEP}
      )
    `);
    while (Number(orphans.run(before).changes) === RECEIPTS_A_STEP) yield;
  }

  *#makeRoom(): Steps {
    for (const dropSome of [
      this.#someLines(),
      this.#someReceipts(),
      this.#someRuns(),
      () => this.#someLetters(),
    ]) {
      while (this.content() > this.#shares.dropUntil && dropSome()) yield;
    }
  }

  /** The functions made by these drop some, and return whether there was anything. */
  #someLines(): () => boolean {
    const oldest = this.#db.prepare(`
      SELECT run, max(number) + 1 AS lines FROM run_lines JOIN runs ON sequence = run WHERE ${IS_FINAL}
      GROUP BY run ORDER BY run LIMIT ${RUNS_A_STEP}
    `);
    const note = this.#db.prepare('UPDATE runs SET dropped_lines = ? WHERE sequence = ?');
    return () => {
      const rows = oldest.all();
      for (const { run = null, lines = null } of rows) {
        note.run(lines, run);
        this.#dropLines.run(run);
      }
      return rows.length > 0;
    };
  }

  #someReceipts(): () => boolean {
    const drop = this.#db.prepare(`
      DELETE FROM batches WHERE number IN (
        SELECT number FROM batches JOIN runs ON runs.id = run_id WHERE outcome <> 'waiting' AND ${IS_FINAL}
        ORDER BY number LIMIT ${RECEIPTS_A_STEP}
      )
    `);
    return () => Number(drop.run().changes) > 0;
  }

  /** The latest of each policy stays: it tells how the policy is. */
  #someRuns(): () => boolean {
    const oldest = this.#db.prepare(`
      SELECT sequence FROM runs WHERE sequence > ? AND ${CAN_BE_DROPPED}
        AND EXISTS (SELECT 1 FROM runs AS later WHERE later.policy = runs.policy AND later.sequence > runs.sequence)
      ORDER BY sequence LIMIT ${RUNS_A_STEP}
    `);
    let last = 0;
    return () => {
      const rows = oldest.all(last);
      last = Number(rows.at(-1)?.sequence ?? last);
      return this.#drop(rows) > 0;
    };
  }

  #someLetters(): boolean {
    let count = 0;
    while (count < LETTERS_A_STEP && this.#letters.dropOldest()) count++;
    return count > 0;
  }

  *#shrink(): Steps {
    const { pages, free } = this.#measure();
    if (free < PAGES_A_STEP || free < pages * FREE_SHARE) return;
    for (let left = free; left > 0; left -= PAGES_A_STEP) {
      this.#db.exec(`PRAGMA incremental_vacuum(${PAGES_A_STEP})`);
      yield;
    }
  }

  #measure(): { size: number; pages: number; free: number } {
    const { size, pages, free } = this.#sizes.get() ?? {};
    return { size: Number(size), pages: Number(pages), free: Number(free) };
  }

  #drop(rows: readonly Record<string, SQLInputValue>[]): number {
    for (const { sequence = null } of rows) {
      const id = this.#dropRun.get(sequence)?.id;
      if (id === undefined) continue;
      this.#dropLines.run(sequence);
      this.#dropReceipts.run(id);
    }
    const last = rows.at(-1)?.sequence;
    if (last !== undefined) this.#noteSequence.run(last);
    return rows.length;
  }
}
