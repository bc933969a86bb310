import type { DatabaseSync } from 'node:sqlite';
import type { FoundPolicyRow, PolicyCalls } from '../calls.ts';

/** `runs_after`: runs of its name up to this sequence are of a policy that was deleted. */
export const POLICY_TABLE = `
  CREATE TABLE policies (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    document TEXT NOT NULL,
    provenance TEXT NOT NULL,
    applied_at INTEGER NOT NULL,
    has_run INTEGER NOT NULL DEFAULT 0,
    runs_after INTEGER NOT NULL
  ) STRICT;
`;

/** `place`: the number of the first policy of its name, in whose place it stands. */
export const POLICY_PLACES = `
  ALTER TABLE policies ADD COLUMN place INTEGER NOT NULL DEFAULT 0;
  UPDATE policies SET place = number;
`;

/** Policies that are applied. */
export function policyTable(db: DatabaseSync): PolicyCalls {
  const all = db.prepare('SELECT * FROM policies ORDER BY place, number');
  const lastDue = db.prepare(`
    SELECT due_at FROM runs WHERE policy = ? AND policy_number = ? AND trigger = 'cron' ORDER BY sequence DESC LIMIT 1
  `);
  const ofName = db.prepare('SELECT runs_after, place FROM policies WHERE name = ?');
  const lastSequence = db.prepare('SELECT coalesce(max(sequence), 0) AS last FROM runs');
  const forgetName = db.prepare('DELETE FROM policies WHERE name = ?');
  const insert = db.prepare(`
    INSERT INTO policies (number, name, document, provenance, applied_at, runs_after, place) VALUES (?, ?, ?, ?, ?, ?, ?)
  `);
  // Without numbers: Node 22 takes parameters that have one for named ones.
  const insertAgain = db.prepare(`
    INSERT OR IGNORE INTO policies (number, name, document, provenance, applied_at, has_run, runs_after, place)
    VALUES (?, ?, ?, ?, ?, ?, coalesce(
      (SELECT min(sequence) - 1 FROM runs WHERE policy = ? AND policy_number = ?),
      (SELECT max(sequence) FROM runs),
      0
    ), ?)
    ON CONFLICT (number) DO UPDATE SET (name, document, provenance, applied_at)
      = (excluded.name, excluded.document, excluded.provenance, excluded.applied_at)
  `);
  const remove = db.prepare('DELETE FROM policies WHERE number = ?');
  return {
    'policies.found': () =>
      all.all().map((row): FoundPolicyRow => {
        const due = lastDue.get(row.name ?? null, row.number ?? null);
        return {
          number: Number(row.number),
          name: String(row.name),
          document: String(row.document),
          provenance: String(row.provenance),
          appliedAt: Number(row.applied_at),
          hasRun: row.has_run === 1,
          lastDueAt: due && Number(due.due_at),
        };
      }),
    'policies.save': (rows) => {
      for (const { number, name, document, provenance, appliedAt } of rows) {
        const before = ofName.get(name);
        const since = before?.runs_after ?? lastSequence.get()?.last ?? 0;
        forgetName.run(name);
        insert.run(number, name, document, provenance, appliedAt, since, before?.place ?? number);
      }
    },
    'policies.saveAgain': (rows) => {
      for (const { number, name, document, provenance, appliedAt, hasRun } of rows) {
        const ofItsRuns = [name, number] as const;
        insertAgain.run(number, name, document, provenance, appliedAt, Number(hasRun), ...ofItsRuns, number);
      }
    },
    'policies.remove': (numbers) => {
      for (const number of numbers) remove.run(number);
    },
  };
}
