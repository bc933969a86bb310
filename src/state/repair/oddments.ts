import { randomUUID } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import { LIVE_STATUS_LIST } from '../live-status-list.ts';
import { readReceipt, readSpoolBody } from '../stored.ts';
import { countEntities } from './count-entities.ts';

const LOST_BYTES = 'its bytes were lost: the data file was damaged';

/**
 * Brings what was salvaged into a state that the daemon goes on from: bytes without a receipt get one, receipts without
 * their bytes wait no more, and numbers that were given are not given again.
 */
export function settleOddments(db: DatabaseSync): void {
  db.exec('BEGIN');
  giveReceipts(db);
  endWaits(db);
  db.exec(`
    UPDATE runs SET status = body ->> 'status' WHERE status <> body ->> 'status';
    UPDATE runs SET finished_at = CASE WHEN status IN ${LIVE_STATUS_LIST} THEN NULL
      ELSE CAST(coalesce(body ->> 'finishedAt', body ->> 'updatedAt') AS INTEGER) END
    WHERE (finished_at IS NULL) <> (status IN ${LIVE_STATUS_LIST});
  `);
  // Runs of the life that is about to begin are told from earlier ones by its number.
  db.exec(`
    INSERT OR IGNORE INTO lives (number, boot_id, pid, started)
      SELECT max(life), '', 0, '' FROM runs HAVING max(life) IS NOT NULL;
    UPDATE sequences SET last = max(last, coalesce((SELECT max(sequence) FROM runs), 0)) WHERE name = 'run';
    COMMIT;
  `);
}

/** They go out under a new request id: the old one is lost. */
function giveReceipts(db: DatabaseSync): void {
  const orphans = db
    .prepare('SELECT batch FROM spool WHERE NOT EXISTS (SELECT 1 FROM batches WHERE number = batch)')
    .all();
  const open = db.prepare('SELECT body, bytes FROM spool WHERE batch = ?');
  const insert = db.prepare(`
    INSERT INTO batches (number, id, run_id, sequence, outcome, accepted_at, body) VALUES (?, ?, ?, ?, 'waiting', ?, ?)
  `);
  const drop = db.prepare('DELETE FROM spool WHERE batch = ?');
  const lastSequence = db.prepare('SELECT coalesce(max(sequence), 0) AS last FROM batches WHERE run_id = ?');
  const now = Date.now();
  for (const { batch = null } of orphans) {
    const { body, bytes } = open.get(batch) ?? {};
    const spool = readSpoolBody(String(body));
    const entityCount =
      spool && bytes instanceof Uint8Array ? countEntities(bytes, spool.encoding) : undefined;
    if (!spool || entityCount === undefined || !(bytes instanceof Uint8Array)) {
      drop.run(batch);
      continue;
    }
    const { runId } = spool.run;
    const sequence = Number(lastSequence.get(runId)?.last) + 1;
    const receipt = {
      id: randomUUID(),
      runId,
      sequence,
      entityCount,
      byteLength: bytes.byteLength,
      acceptedAt: now,
      keptAt: now,
      tries: 0,
      outcome: 'waiting',
      acknowledged: 0,
      lastError: '',
    };
    insert.run(batch, receipt.id, runId, sequence, now, JSON.stringify(receipt));
  }
}

function endWaits(db: DatabaseSync): void {
  const waits = db
    .prepare(
      "SELECT number, body FROM batches WHERE outcome = 'waiting' AND NOT EXISTS (SELECT 1 FROM spool WHERE batch = number)",
    )
    .all();
  const update = db.prepare("UPDATE batches SET outcome = 'dropped', body = ? WHERE number = ?");
  for (const { number = null, body } of waits) {
    const receipt = readReceipt(String(body));
    if (receipt)
      update.run(JSON.stringify({ ...receipt, outcome: 'dropped', lastError: LOST_BYTES }), number);
  }
}
