import { LOG_OF_CHANGES } from './find-damage.ts';
import type { SalvagedTable } from './salvage.ts';

/** A repair that was made, as `report.json` tells it. */
export interface Repair {
  /** ISO 8601. */
  readonly at: string;
  /** Where the database lies as it was. */
  readonly folder: string;
  /** What was wrong, a sentence each. */
  readonly damage: readonly string[];
  /** Why nothing was taken over; undefined: something was. */
  readonly failure: string | undefined;
  readonly tables: readonly SalvagedTable[];
  /** Names of policies that the daemon, which lived, has written again since. */
  readonly writtenAgain: readonly string[];
}

/** What is in each table, for a person. */
const CONTENTS: Readonly<Record<SalvagedTable['table'], string>> = {
  policies: 'policies',
  spool: 'batches that wait to be delivered',
  batches: 'receipts of batches',
  letters: 'dead letters',
  lives: 'notes of earlier starts',
  sequences: 'counters',
  runs: 'runs',
  run_lines: 'log lines of runs',
};

const MOST_FINDINGS = 10;

/** `report.txt`. */
export function describeRepair({ at, folder, damage, failure, tables, writtenAgain }: Repair): string {
  const kept = tables.map(({ table, rows, lossCount }) => {
    const lost = lossCount === 0 ? '' : `, ${lossCount} places could not be read`;
    return `  ${rows} ${CONTENTS[table]}${lost}`;
  });
  const losses = tables.flatMap(({ table, losses: told }) =>
    told.map((loss) => `  ${CONTENTS[table]}: ${loss}`),
  );
  return [
    `The data file was damaged; this was found at ${at}:`,
    ...damage.slice(0, MOST_FINDINGS).map((finding) => `  ${finding}`),
    ...(damage.length > MOST_FINDINGS ? [`  and ${damage.length - MOST_FINDINGS} more (report.json)`] : []),
    '',
    `It lies as it was in ${folder}, and nothing of it is used any more.`,
    '',
    ...(failure === undefined
      ? ['Taken over into a new data file:', ...kept]
      : [`Nothing could be taken over into a new data file: ${failure}`]),
    ...(losses.length === 0 ? [] : ['', 'What could not be read:', ...losses]),
    ...(writtenAgain.length === 0 ? [] : ['', ...writtenAgainIn(writtenAgain)]),
    '',
    'What it means:',
    '  Policies that are missing have to be applied again.',
    '  Batches that are missing are not delivered; their runs say so.',
    '  A batch whose receipt is missing is sent under a new request id.',
    '  Look at the disk and the memory of the machine: neither SQLite nor orb-worker writes such files.',
    '',
  ].join('\n');
}

function writtenAgainIn(names: readonly string[]): string[] {
  const more =
    names.length > MOST_FINDINGS ? [`  and ${names.length - MOST_FINDINGS} more (report.json)`] : [];
  return [
    'Policies that the daemon still knew, and has written again:',
    ...names.slice(0, MOST_FINDINGS).map((name) => `  ${JSON.stringify(name)}`),
    ...more,
  ];
}

/** One sentence for the log and `/readyz`. */
export function summaryOf(repair: Repair): string {
  const { folder, writtenAgain } = repair;
  const what = outcomeOf(repair);
  const again =
    writtenAgain.length === 0
      ? ''
      : `, ${writtenAgain.length} policies that the daemon knew are written again`;
  return `the data file was damaged: ${what}${again}; the report and the file as it was are in ${folder}`;
}

function outcomeOf({ damage, failure, tables }: Repair): string {
  if (failure !== undefined) return 'nothing of it could be read';
  const lossCount = tables.reduce((sum, table) => sum + table.lossCount, 0);
  if (lossCount > 0) return `what could be read is kept, ${lossCount} places could not`;
  return damage.some((finding) => finding.startsWith(LOG_OF_CHANGES))
    ? 'what could be read is kept, and what was written last may be missing'
    : 'all of its rows could be read and are kept';
}
