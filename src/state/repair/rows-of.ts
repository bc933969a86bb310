import type { DatabaseSync, SQLOutputValue, StatementSync } from 'node:sqlite';
import { messageOf } from '../../errors.ts';

const FIRST = -(2n ** 63n);
const LAST = 2n ** 63n - 1n;

/** A row as the file has it; whole numbers are bigints, because damaged ones may be any. */
export interface RawRow {
  readonly rowid: bigint;
  readonly columns: Readonly<Record<string, SQLOutputValue>>;
}

/** Rows from a place on that cannot be read. */
export interface Gap {
  /** The row after which it begins; undefined: the first one. */
  readonly after: bigint | undefined;
  readonly reason: string;
}

/**
 * All rows of a table that can be read, in the order of their numbers: what is damaged between them is passed over.
 * Always ends: every step goes to a larger number. Whatever reading throws is taken for damage.
 */
export function* rowsOf(db: DatabaseSync, table: string, onGap: (gap: Gap) => void): Generator<RawRow> {
  let from: bigint | undefined = FIRST;
  while (from !== undefined) {
    const stop: Stop | undefined = yield* readOn(db, table, from);
    if (stop === undefined) return;
    const { at, reason } = stop;
    onGap({ after: at === FIRST ? undefined : at - 1n, reason });
    from = nextReadable(db, table, at);
  }
}

interface Stop {
  /** The number that was to be read next. */
  readonly at: bigint;
  readonly reason: string;
}

/** Returns undefined at the end of the table. */
function* readOn(db: DatabaseSync, table: string, from: bigint): Generator<RawRow, Stop | undefined> {
  let at = from;
  const left = select(db, `rowid AS row_number, * FROM ${table}`).iterate(at);
  for (;;) {
    let row: RawRow | undefined;
    try {
      const next = left.next();
      if (next.done) return undefined;
      row = rawRowOf(next.value);
    } catch (error) {
      return { at, reason: messageOf(error) };
    }
    if (row.rowid < at) return { at, reason: 'rows are out of order' };
    yield row;
    if (row.rowid === LAST) return undefined;
    at = row.rowid + 1n;
  }
}

/** The number of the first row that can be reached beyond a place that cannot be read; undefined: none. */
function nextReadable(db: DatabaseSync, table: string, damaged: bigint): bigint | undefined {
  let low = damaged;
  for (let step = 1n; low < LAST; step *= 2n) {
    const high = damaged + step < LAST ? damaged + step : LAST;
    const found = reach(db, table, high);
    if (found !== 'damaged') return low + 1n === high ? found : reachBetween(db, table, low, high);
    low = high;
  }
  return undefined;
}

/** `low` cannot be reached, `high` can: the least that can. */
function reachBetween(db: DatabaseSync, table: string, low: bigint, high: bigint): bigint | undefined {
  let [below, above] = [low, high];
  while (above - below > 1n) {
    const middle = below + (above - below) / 2n;
    if (reach(db, table, middle) === 'damaged') below = middle;
    else above = middle;
  }
  const found = reach(db, table, above);
  return found === 'damaged' ? undefined : found;
}

/** The first row of at least this number; undefined: there is none. */
function reach(db: DatabaseSync, table: string, from: bigint): bigint | undefined | 'damaged' {
  try {
    const row = select(db, `rowid AS row_number FROM ${table}`, 'LIMIT 1').get(from);
    if (!row) return undefined;
    const { rowid } = rawRowOf(row);
    return rowid >= from ? rowid : 'damaged';
  } catch {
    return 'damaged';
  }
}

function rawRowOf({ row_number: rowid, ...columns }: Record<string, SQLOutputValue>): RawRow {
  if (typeof rowid !== 'bigint') throw new Error('a row without a number');
  return { rowid, columns };
}

/** A new one each time: one that has failed fails once more when it is used again. */
function select(db: DatabaseSync, what: string, limit = ''): StatementSync {
  const statement = db.prepare(`SELECT ${what} NOT INDEXED WHERE rowid >= ? ORDER BY rowid ${limit}`);
  statement.setReadBigInts(true);
  return statement;
}
