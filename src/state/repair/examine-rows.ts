import type { DatabaseSync } from 'node:sqlite';
import { LIVE_STATUSES } from '../../run/run.ts';
import { readReceipt, readRun, readSpoolBody, readText } from '../stored.ts';
import { countEntities } from './count-entities.ts';
import type { Finding } from './finding.ts';
import { type RawRow, rowsOf } from './rows-of.ts';
import { faultOfRow, TABLES, type TableName } from './tables.ts';

const MOST_NAMED = 5;
const UNFINISHED: readonly string[] = LIVE_STATUSES;

/** What is meant by one kind of finding; the rows that it is about are gathered. */
interface Kind {
  readonly severity: Finding['severity'];
  readonly what: string;
  readonly meaning: string;
  readonly remedy: string;
}

const KINDS = {
  unreadable: {
    severity: 'damage',
    what: 'cannot be read',
    meaning: 'What was there is lost, unless it can be found in a backup.',
    remedy: 'A repair sets the file aside as it is and takes all other rows over into a new one.',
  },
  policy: {
    severity: 'warning',
    what: 'are policies whose document is no JSON',
    meaning: 'They are shown as failed and do not run.',
    remedy: 'Apply them again, or delete them.',
  },
  bytes: {
    severity: 'warning',
    what: 'are batches whose bytes are not what their receipt says',
    meaning: 'The receiver will refuse them, or a part of them.',
    remedy: 'They are sent as they are; what the receiver refuses becomes dead letters.',
  },
  noReceipt: {
    severity: 'damage',
    what: 'are batches without a receipt',
    meaning: 'They are not delivered.',
    remedy: 'A repair gives them new receipts: they are sent under new request ids.',
  },
  noBytes: {
    severity: 'damage',
    what: 'are receipts of batches that wait, without their bytes',
    meaning: 'What was in them is lost.',
    remedy: 'A repair notes them as dropped, so that their runs come to an end.',
  },
  noRun: {
    severity: 'note',
    what: 'are batches whose run is not in history',
    meaning: 'They are delivered nevertheless.',
    remedy: '',
  },
  runState: {
    severity: 'damage',
    what: 'are runs that are in two states at once, or have ended at no time',
    meaning: 'They may be shown in a state that they are not in.',
    remedy: 'A repair goes by what is noted of the run itself.',
  },
  unfinished: {
    severity: 'note',
    what: 'are runs that have not ended',
    meaning:
      'The next daemon delivers what they have handed over, and ends or repeats those that were at work.',
    remedy: '',
  },
} as const satisfies Record<string, Kind>;

/** Looks at every row of every table. */
export function examineRows(db: DatabaseSync, isDaemonAlive: boolean): Finding[] {
  const found = new Gathered();
  for (const table of TABLES) {
    try {
      const rows = rowsOf(db, table, ({ after, reason }) =>
        found.add(table, 'unreadable', `after row ${after ?? 0}: ${reason}`),
      );
      for (const row of rows) examineRow(table, row, found);
    } catch (error) {
      found.add(table, 'unreadable', String(error));
    }
  }
  examineTies(db, found);
  return found.findings.filter((finding) => !isDaemonAlive || finding.what !== KINDS.unfinished.what);
}

function examineRow(table: TableName, { rowid, columns }: RawRow, found: Gathered): void {
  const fault = faultOfRow(table, columns);
  if (fault !== undefined) found.add(table, 'unreadable', `row ${rowid}: ${fault}`);
  else if (table === 'policies') examinePolicy(columns, found);
  else if (table === 'runs') examineRun(columns, found);
}

type Columns = RawRow['columns'];

function examinePolicy({ name, document }: Columns, found: Gathered): void {
  try {
    JSON.parse(String(document));
  } catch {
    found.add('policies', 'policy', readText(String(name)) ?? String(name));
  }
}

function examineRun({ id, status, body, finished_at: finishedAt }: Columns, found: Gathered): void {
  const isUnfinished = UNFINISHED.includes(String(status));
  const isTorn = readRun(String(body))?.status !== status || isUnfinished !== (finishedAt === null);
  if (isTorn) found.add('runs', 'runState', String(id));
  else if (isUnfinished) found.add('runs', 'unfinished', String(id));
}

/** What rows of one table say of another. */
function examineTies(db: DatabaseSync, found: Gathered): void {
  try {
    examineSpool(db, found);
    const noBytes = db.prepare(`
      SELECT id FROM batches WHERE outcome = 'waiting' AND NOT EXISTS (SELECT 1 FROM spool WHERE batch = number)
    `);
    for (const { id } of noBytes.iterate()) found.add('batches', 'noBytes', String(id));
  } catch {
    // What cannot be read was told row by row.
  }
}

function examineSpool(db: DatabaseSync, found: Gathered): void {
  const rows = db.prepare(`
    SELECT batch, spool.body AS spool, bytes, batches.body AS receipt,
      EXISTS (SELECT 1 FROM runs WHERE runs.id = run_id) AS has_run
    FROM spool LEFT JOIN batches ON number = batch
  `);
  for (const { batch, spool, bytes, receipt, has_run: hasRun } of rows.iterate()) {
    const read = receipt === null ? undefined : readReceipt(String(receipt));
    const name = read?.id ?? `row ${String(batch)}`;
    if (receipt === null) found.add('spool', 'noReceipt', name);
    else if (hasRun === 0) found.add('spool', 'noRun', name);
    const encoding = readSpoolBody(String(spool))?.encoding;
    if (!read || !encoding || !(bytes instanceof Uint8Array)) continue;
    const isWhole =
      bytes.byteLength === read.byteLength && countEntities(bytes, encoding) === read.entityCount;
    if (!isWhole) found.add('spool', 'bytes', name);
  }
}

/** Rows, by table and kind: only the first of each are named. */
class Gathered {
  readonly #rows = new Map<string, { table: TableName; kind: Kind; count: number; named: string[] }>();

  add(table: TableName, name: keyof typeof KINDS, row: string): void {
    const key = `${table} ${name}`;
    const known = this.#rows.get(key) ?? { table, kind: KINDS[name], count: 0, named: [] };
    known.count++;
    if (known.named.length < MOST_NAMED) known.named.push(row);
    this.#rows.set(key, known);
  }

  get findings(): Finding[] {
    return Array.from(this.#rows.values(), ({ table, kind, count, named }) => {
      const more = count > named.length ? ` and ${count - named.length} more` : '';
      return { ...kind, where: `table ${table}`, what: `${count} ${kind.what}: ${named.join(', ')}${more}` };
    });
  }
}
