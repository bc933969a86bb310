import type { DatabaseSync, SQLOutputValue, StatementSync } from 'node:sqlite';
import { messageOf } from '../../errors.ts';
import type { HistoryCalls, LogRows, RunRow, RunRowQuery } from '../calls.ts';
import { LIVE_STATUS_LIST } from '../live-status-list.ts';
import { diskFaultOf } from './faults.ts';
import { RunLines } from './run-lines.ts';

/** `body`: the whole run as JSON. `dropped_lines`: all of its lines, when none of them is left. */
export const RUN_TABLES = `
  CREATE TABLE runs (
    sequence INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    life INTEGER NOT NULL,
    policy TEXT NOT NULL,
    policy_number INTEGER NOT NULL,
    trigger TEXT NOT NULL,
    status TEXT NOT NULL,
    due_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    finished_at INTEGER,
    body TEXT NOT NULL,
    dropped_lines INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE INDEX runs_by_policy ON runs (policy, sequence);
  CREATE INDEX runs_by_status ON runs (status, sequence);
  CREATE TABLE run_lines (
    run INTEGER NOT NULL,
    number INTEGER NOT NULL,
    at INTEGER NOT NULL,
    level TEXT NOT NULL,
    message TEXT NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX run_lines_in_order ON run_lines (run, number);
  CREATE TABLE sequences (name TEXT PRIMARY KEY, last INTEGER NOT NULL) STRICT;
  INSERT INTO sequences VALUES ('run', 0);
`;

const UNFINISHED = `status IN ${LIVE_STATUS_LIST}`;

export interface RunTable extends HistoryCalls {
  /** Changes were taken back: what was remembered of them is forgotten. */
  takenBack(): void;
}

/**
 * Runs and their lines.
 * @param life the number of the daemon's present life.
 * @param onEnded is told of each run that has reached its final state.
 */
export function runTable(db: DatabaseSync, life: number, onEnded: (policy: string) => void): RunTable {
  const lines = new RunLines(db);
  const write = db.prepare(`
    INSERT INTO runs (life, sequence, id, policy, policy_number, trigger, status, due_at, created_at, finished_at, body)
    VALUES (${life}, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (sequence) DO UPDATE SET (life, status, finished_at, body)
      = (excluded.life, excluded.status, excluded.finished_at, excluded.body)
  `);
  const markPolicy = db.prepare('UPDATE policies SET has_run = 1 WHERE number = ? AND has_run = 0');
  const get = db.prepare('SELECT body FROM runs WHERE id = ?');
  const unfinished = db.prepare(
    `SELECT body FROM runs WHERE ${UNFINISHED} AND life <> ${life} ORDER BY sequence`,
  );
  const lastSequence = db.prepare(
    'SELECT max(last, coalesce((SELECT max(sequence) FROM runs), 0)) AS last FROM sequences',
  );
  const policies = db.prepare('SELECT name, runs_after FROM policies ORDER BY number');
  const latestWhere = (condition: string): StatementSync =>
    db.prepare(`
      SELECT body FROM runs WHERE policy = ? AND sequence > ? AND status <> 'skipped' AND ${condition}
      ORDER BY sequence DESC LIMIT ?
    `);
  const latest = latestWhere("trigger <> 'ingest'");
  const latestIngests = latestWhere("trigger = 'ingest'");

  const record = (row: RunRow): void => {
    const [
      sequence,
      id,
      policy,
      policyNumber,
      trigger,
      status,
      dueAt,
      createdAt,
      finishedAt,
      body,
      hasEnded,
    ] = row;
    write.run(sequence, id, policy, policyNumber, trigger, status, dueAt, createdAt, finishedAt, body);
    if (hasEnded) markPolicy.run(policyNumber);
    if (finishedAt !== null) onEnded(policy);
  };

  return {
    takenBack: () => lines.forget(),
    'history.write': (runs, newLines) => {
      const failures: string[] = [];
      for (const row of runs) tryTo(() => record(row), failures);
      for (const line of newLines) tryTo(() => lines.add(line), failures);
      return failures;
    },
    'runs.keep': record,
    'runs.get': (id) => bodies([get.get(id)])[0],
    'runs.log': (id): LogRows => lines.of(id),
    'runs.list': (query) => listRuns(db, query),
    'runs.latestOfEach': (count) =>
      policies.all().flatMap(({ name = null, runs_after = null }) => {
        const found = bodies(latest.all(name, runs_after, count));
        return found.length > 0 ? found : bodies(latestIngests.all(name, runs_after, count));
      }),
    'runs.unfinished': () => bodies(unfinished.all()),
    'runs.lastSequence': () => Number(lastSequence.get()?.last ?? 0),
  };
}

/** One bad row does not take others along. */
function tryTo(write: () => void, failures: string[]): void {
  try {
    write();
  } catch (error) {
    if (diskFaultOf(error) !== undefined) throw error;
    failures.push(messageOf(error));
  }
}

function listRuns(db: DatabaseSync, { policy, status, limit, before }: RunRowQuery): string[] {
  const conditions = ['sequence < ?'];
  const values: (string | number)[] = [before ?? Number.MAX_SAFE_INTEGER];
  if (policy !== undefined) {
    conditions.push('policy = ?');
    values.push(policy);
  }
  if (status !== undefined) {
    // A policy has few runs, a state may have very many.
    conditions.push(policy === undefined ? 'status = ?' : '+status = ?');
    values.push(status);
  }
  const select = `SELECT body FROM runs WHERE ${conditions.join(' AND ')} ORDER BY sequence DESC LIMIT ?`;
  return bodies(db.prepare(select).all(...values, limit));
}

type SqlRow = Record<string, SQLOutputValue>;

function bodies(rows: readonly (SqlRow | undefined)[]): string[] {
  return rows.flatMap((row) => (row ? [String(row.body)] : []));
}
