import type { DatabaseSync } from 'node:sqlite';
import type { LetterCalls, LetterRow, LetterRowQuery } from '../calls.ts';
import type { KeptAmount } from './kept-amount.ts';

/** `body`: the letter and its run, as JSON. Numbers are never given again: they order the list. */
export const LETTER_TABLE = `
  CREATE TABLE letters (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    run_id TEXT NOT NULL,
    policy TEXT NOT NULL,
    body TEXT NOT NULL,
    byte_length INTEGER NOT NULL,
    bytes BLOB NOT NULL
  ) STRICT;
  CREATE INDEX letters_by_run ON letters (run_id);
  CREATE INDEX letters_by_policy ON letters (policy);
`;

/** What may be done with letters in the course of something else. */
export interface LetterTable extends LetterCalls {
  /** Others, oldest first, make room for it. */
  add(letter: LetterRow): void;
  drop(id: string): boolean;
  /** Drops the oldest to make room; false: there is none. */
  dropOldest(): boolean;
  /** How many made room. */
  readonly dropped: number;
}

/**
 * @param bytes is told of all bytes that come and go; its bound is that of all letters.
 * @param count is told of the letters.
 */
export function letterTable(db: DatabaseSync, bytes: KeptAmount, count: KeptAmount): LetterTable {
  // Node 22 takes no bytes for NULL.
  const insert = db.prepare(`
    INSERT INTO letters (id, run_id, policy, body, byte_length, bytes) VALUES (?, ?, ?, ?, ?, coalesce(?, x''))
  `);
  const open = db.prepare('SELECT id, run_id, policy, body, bytes FROM letters WHERE id = ?');
  const oldest = db.prepare('SELECT id FROM letters ORDER BY number LIMIT 1');
  const remove = db.prepare('DELETE FROM letters WHERE id = ? RETURNING byte_length');

  const drop = (id: string): boolean => {
    const removed = remove.get(id);
    if (!removed) return false;
    bytes.take(Number(removed.byte_length));
    count.take(1);
    return true;
  };
  let dropped = 0;
  const dropOldest = (): boolean => {
    const row = oldest.get();
    if (!row) return false;
    dropped++;
    return drop(String(row.id));
  };
  return {
    get dropped() {
      return dropped;
    },
    add: ({ id, runId, policy, body, bytes: content }) => {
      // It may be there: after a fault of the disk nobody knows whether what was refused was written after all.
      drop(id);
      insert.run(id, runId, policy, body, content.byteLength, content);
      bytes.add(content.byteLength);
      count.add(1);
      while (bytes.excess > 0 && dropOldest());
    },
    drop,
    dropOldest,
    'letters.drop': drop,
    'letters.open': (id) => {
      const row = open.get(id);
      if (!(row?.bytes instanceof Uint8Array)) return undefined;
      const { run_id: runId, policy, body } = row;
      return { id, runId: String(runId), policy: String(policy), body: String(body), bytes: row.bytes };
    },
    'letters.list': (query) => listLetters(db, query),
  };
}

function listLetters(db: DatabaseSync, { policy, runId, limit, after }: LetterRowQuery): string[] {
  const conditions = ['number > ?'];
  const values: (string | number)[] = [after === undefined ? 0 : numberOf(db, after)];
  if (policy !== undefined) {
    conditions.push('policy = ?');
    values.push(policy);
  }
  if (runId !== undefined) {
    conditions.push('run_id = ?');
    values.push(runId);
  }
  const select = `SELECT body FROM letters WHERE ${conditions.join(' AND ')} ORDER BY number LIMIT ?`;
  return db
    .prepare(select)
    .all(...values, limit)
    .map(({ body }) => String(body));
}

/** Of a letter that is gone by now, nothing is known to come after it. */
function numberOf(db: DatabaseSync, id: string): number {
  const row = db.prepare('SELECT number FROM letters WHERE id = ?').get(id);
  return row ? Number(row.number) : Number.MAX_SAFE_INTEGER;
}
