import { cpSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { stateFilesIn } from '../../src/state/files.ts';
import { openState } from '../../src/state/open-state.ts';
import { findDamage } from '../../src/state/repair/find-damage.ts';
import { mend } from '../../src/state/repair/mend.ts';
import { runOf } from '../support/runs.ts';
import { batchOf, policyOf } from './objects.ts';
import { keep } from './support.ts';

const FILE = 'state.sqlite';
const LOG = 'state.sqlite-wal';

/** Directories that a daemon has used: one that was closed, one that was killed. */
let closed = '';
let killed = '';

beforeAll(async () => {
  [closed, killed] = [temporary(), temporary()];
  const directory = temporary();
  const bounds = { historyRuns: 1_000, historyAgeMs: 1e12, dataMaxBytes: 1e9 };
  const state = await openState({ directory, clock: systemClock, log: pino({ level: 'silent' }), bounds });
  await state.policies.save(
    Array.from({ length: 120 }, (_, index) => policyOf(index + 1, { document: documentOf(index) })),
  );
  for (let sequence = 1; sequence <= 150; sequence++) {
    const run = runOf(sequence, { status: 'delivering' });
    state.runs.record(run);
    state.runs.addLine(run.id, { at: 1, level: 'info', message: 'said'.repeat(sequence) });
    if (sequence % 10 === 0) await keep(state, batchOf(Buffer.alloc(sequence * 200, 0x0a), run.id));
  }
  await state.policies.save([policyOf(500)]);
  cpSync(directory, killed, { recursive: true });
  await state.close();
  cpSync(directory, closed, { recursive: true });
  rmSync(directory, { recursive: true });
});
afterAll(() => {
  for (const directory of [closed, killed]) rmSync(directory, { recursive: true, force: true });
});

function temporary(): string {
  return mkdtempSync(join(tmpdir(), 'orb-state-'));
}

function documentOf(index: number): string {
  return JSON.stringify({ config: { words: 'x'.repeat(index * 17) } });
}

interface Damage {
  readonly file: string;
  /** Where, as a share of the file. */
  readonly at: number;
  /** undefined: the file ends there. */
  readonly bytes: Uint8Array | undefined;
}

const place = fc.oneof(
  fc.double({ min: 0, max: 1, noNaN: true }),
  // The first page: the header, and where all tables are.
  fc.double({ min: 0, max: 0.02, noNaN: true }),
);
const damageTo = (file: string): fc.Arbitrary<Damage> =>
  fc.record({
    file: fc.constant(file),
    at: place,
    bytes: fc.oneof(
      { weight: 8, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 40 }) },
      { weight: 2, arbitrary: fc.constant(new Uint8Array(10_000).fill(0x55)) },
      { weight: 1, arbitrary: fc.constant(undefined) },
    ),
  });

function inflict(directory: string, { file, at, bytes }: Damage): void {
  const path = join(directory, file);
  const content = readFileSync(path);
  const position = Math.floor(at * content.length);
  if (!bytes) {
    truncateSync(path, position);
    return;
  }
  content.set(bytes.subarray(0, content.length - position), position);
  writeFileSync(path, content);
}

/** Rows of the two tables that count most, each as JSON, as SQLite alone finds them by their numbers. */
function rowsFound(directory: string): Set<string> {
  const found = new Set<string>();
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(join(directory, FILE), { readOnly: true });
    for (const sql of [
      'SELECT number, name, document FROM policies WHERE number = ?',
      'SELECT batch, body, hex(bytes) FROM spool WHERE batch = ?',
    ])
      for (let number = 1; number <= 500; number++) {
        const row = attempt(db, sql, number);
        if (row) found.add(JSON.stringify(row));
      }
  } catch {
    // It cannot be opened.
  } finally {
    db?.close();
  }
  return found;
}

function attempt(db: DatabaseSync, sql: string, number: number): unknown {
  try {
    return db.prepare(sql).get(number);
  } catch {
    return undefined;
  }
}

function mended(directory: string, depth: 'quick' | 'full') {
  const files = stateFilesIn(directory);
  const options = {
    directory,
    files,
    mostLogBytes: 1e7,
    now: Date.now(),
    depth,
    isSameBoot: true,
    wasUsed: true,
  };
  return mend(options);
}

function tryDamage(base: string, damages: readonly Damage[]): void {
  const directory = temporary();
  try {
    cpSync(base, directory, { recursive: true });
    const whole = rowsFound(directory);
    for (const damage of damages) inflict(directory, damage);
    const copy = temporary();
    cpSync(directory, copy, { recursive: true });
    const readable = [...rowsFound(copy)].filter((row) => whole.has(row));
    rmSync(copy, { recursive: true });
    const begin = performance.now();
    const repair = mended(directory, 'quick');
    expect(performance.now() - begin).toBeLessThan(20_000);
    const kept = rowsFound(directory);
    expect(readable.filter((row) => !kept.has(row))).toEqual([]);
    if (repair) {
      expect(repair.failure).toBeUndefined();
      const left = { depth: 'full', isSameBoot: true, wasUsed: true } as const;
      expect(findDamage(join(directory, FILE), left)).toEqual([]);
    }
    expect(mended(directory, 'full')).toBeUndefined();
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

test('whatever bytes of a file are damaged, what can be read is kept, and the next look finds nothing', () => {
  fc.assert(
    fc.property(fc.array(damageTo(FILE), { minLength: 1, maxLength: 6 }), (damages) =>
      tryDamage(closed, damages),
    ),
    { numRuns: 40 },
  );
}, 120_000);

test('so it is where a log lies beside it, damaged or not', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(damageTo(FILE), damageTo(LOG)), { minLength: 1, maxLength: 4 }),
      (damages) => tryDamage(killed, damages),
    ),
    { numRuns: 40 },
  );
}, 120_000);
