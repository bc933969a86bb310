import { isDeepStrictEqual } from 'node:util';
import { countEntities } from '../../../src/state/repair/count-entities.ts';
import { readableLog } from '../../../src/state/repair/log-file.ts';
import { readLetterBody, readReceipt, readRun, readSpoolBody, readText } from '../../../src/state/stored.ts';
import { type FuzzTarget, pureTrial } from '../support/target.ts';

const PAGE_BYTES = 512;

/** The JSON of a row of the data file, the bytes of a batch, a log of changes: all may have been damaged on disk. */
export const target: FuzzTarget = {
  name: 'stored-rows',
  limitMs: 500,
  words: [
    ...['{', '}', '"id":', '"a"', '"sequence":', '1', '-1', '1e999', 'null', '[]', '"status":', '"running"'],
    ...[
      '"outcome":"waiting"',
      '"trigger":"cron"',
      '"backend":{',
      '"run":{',
      '"letter":{',
      '"encoding":"diode"',
    ],
    ...['"policy":"p"', '"createdAt":', '\n', '\n\u0002', '\u00ff\u00ff\u00ff\u00ff\u000f', '\0', '\u0080'],
    ...['7\u007f\u0006\u0082', '\0-\u00e2\u0018', '\0\0\u0002\0'],
  ],
  open: async () => pureTrial(tryRow),
};

function tryRow(input: Buffer): void {
  const body = input.toString();
  readText(body);
  const run = readRun(body);
  if (run)
    for (const at of [run.dueAt, run.createdAt, run.updatedAt, run.finishedAt ?? 0])
      new Date(at).toISOString();
  const receipt = readReceipt(body);
  if (receipt) for (const at of [receipt.acceptedAt, receipt.settledAt ?? 0]) new Date(at).toISOString();
  for (const read of [readRun, readReceipt, readSpoolBody, readLetterBody]) {
    const value = read(body);
    if (value && !isDeepStrictEqual(read(JSON.stringify(value)), value))
      throw new Error('it is read otherwise again');
  }
  for (const encoding of ['diode', 'json'] as const) {
    const count = countEntities(input, encoding) ?? 0;
    if (count > input.length) throw new Error(`${count} entities in ${input.length} bytes`);
  }
  const log = readableLog(input, PAGE_BYTES);
  if (log && readableLog(log, PAGE_BYTES)) throw new Error('a log that was repaired is damaged');
}
