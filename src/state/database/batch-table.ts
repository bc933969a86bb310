import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import type { BatchCalls, LeftBatchRow, ReceiptRow, SpoolRow } from '../calls.ts';
import type { KeptAmount } from './kept-amount.ts';
import type { LetterTable } from './letter-table.ts';

/**
 * `batches`: the receipt of each, as JSON in `body`. `spool`: of those that wait, everything else; apart, so that
 * receipts stay small. The bytes come last: SQLite reads a row from its beginning.
 */
export const BATCH_TABLES = `
  CREATE TABLE batches (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    run_id TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    accepted_at INTEGER NOT NULL,
    body TEXT NOT NULL
  ) STRICT;
  CREATE INDEX batches_by_run ON batches (run_id, sequence);
  CREATE TABLE spool (
    batch INTEGER PRIMARY KEY,
    body TEXT NOT NULL,
    byte_length INTEGER NOT NULL,
    bytes BLOB NOT NULL
  ) STRICT;
`;

/**
 * Batches that wait, and what became of others.
 * @param waiting is told of all bytes that come and go.
 */
export function batchTable(db: DatabaseSync, letters: LetterTable, waiting: KeptAmount): BatchCalls {
  const found = db.prepare(`
    SELECT batches.body AS receipt, spool.body AS spool FROM spool JOIN batches ON number = batch ORDER BY batch
  `);
  const numberOf = db.prepare('SELECT number FROM batches WHERE id = ?');
  const write = db.prepare(`
    INSERT INTO batches (id, run_id, sequence, outcome, accepted_at, body) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET (outcome, body) = (excluded.outcome, excluded.body)
  `);
  // Node 22 takes no bytes for NULL.
  const insert = db.prepare(
    "INSERT INTO spool (batch, body, byte_length, bytes) VALUES (?, ?, ?, coalesce(?, x''))",
  );
  const remove = db.prepare('DELETE FROM spool WHERE batch = ? RETURNING byte_length');
  const read = db.prepare('SELECT bytes FROM spool WHERE batch = (SELECT number FROM batches WHERE id = ?)');
  const receipts = db.prepare('SELECT body FROM batches WHERE run_id = ? ORDER BY sequence, number');

  const writeReceipt = ({ id, runId, sequence, outcome, acceptedAt, body }: ReceiptRow): void => {
    write.run(id, runId, sequence, outcome, acceptedAt, body);
  };
  const rowNumber = (id: string): SQLInputValue => {
    const row = numberOf.get(id);
    if (!row) throw new Error(`batch ${id} has no receipt`);
    return row.number ?? null;
  };
  const forgetBytes = (id: string): void => {
    const removed = remove.get(rowNumber(id));
    if (removed) waiting.take(Number(removed.byte_length));
  };
  /** It may be there: after a fault of the disk nobody knows whether what was refused was written after all. */
  const store = ({ id, body, bytes }: SpoolRow): void => {
    forgetBytes(id);
    insert.run(rowNumber(id), body, bytes.byteLength, bytes);
    waiting.add(bytes.byteLength);
  };

  return {
    'batches.found': () =>
      found.all().map((row): LeftBatchRow => ({ receipt: String(row.receipt), spool: String(row.spool) })),
    'batches.keep': ({ receipt, spool }) => {
      waiting.admit(spool.bytes.byteLength);
      writeReceipt(receipt);
      store(spool);
    },
    'batches.read': (id) => {
      const bytes = read.get(id)?.bytes;
      return bytes instanceof Uint8Array ? bytes : undefined;
    },
    'batches.settle': ({ receipts: changed, parts, letters: newLetters, droppedLetters }) => {
      for (const receipt of changed) writeReceipt(receipt);
      for (const receipt of changed) if (receipt.outcome !== 'waiting') forgetBytes(receipt.id);
      for (const part of parts) store(part);
      for (const id of droppedLetters) letters.drop(id);
      for (const letter of newLetters) letters.add(letter);
    },
    'batches.receipts': (runId) => receipts.all(runId).map(({ body }) => String(body)),
  };
}
