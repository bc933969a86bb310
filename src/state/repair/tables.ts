import type { SQLOutputValue } from 'node:sqlite';
import { readLetterBody, readReceipt, readRun, readSpoolBody, readText } from '../stored.ts';

/** All tables, those first that hold what is owed. */
export const TABLES = [
  'policies',
  'spool',
  'batches',
  'letters',
  'lives',
  'sequences',
  'runs',
  'run_lines',
] as const;

export type TableName = (typeof TABLES)[number];

type Columns = Readonly<Record<string, SQLOutputValue>>;

/** What says that a row is none of what was written; undefined: it is sound. */
const faults: Readonly<Record<TableName, (columns: Columns) => string | undefined>> = {
  // A policy that cannot be read is kept, and shown with the reason.
  policies: () => undefined,
  spool: ({ body, bytes, byte_length: length }) =>
    bodyFault(readSpoolBody(String(body))) ?? lengthFault(bytes, length),
  batches: ({ body }) => bodyFault(readReceipt(String(body))),
  letters: ({ body, bytes, byte_length: length }) =>
    bodyFault(readLetterBody(String(body))) ?? lengthFault(bytes, length),
  lives: () => undefined,
  sequences: () => undefined,
  runs: ({ body }) => bodyFault(readRun(String(body))),
  run_lines: ({ message }) => bodyFault(readText(String(message))),
};

/** What is wrong with a row of a table, as one phrase. */
export function faultOfRow(table: TableName, columns: Columns): string | undefined {
  return faults[table](columns);
}

function bodyFault(body: unknown): string | undefined {
  return body === undefined ? 'its content is not what was written' : undefined;
}

function lengthFault(
  bytes: SQLOutputValue | undefined,
  length: SQLOutputValue | undefined,
): string | undefined {
  if (!(bytes instanceof Uint8Array)) return 'it has no bytes';
  return bytes.byteLength === Number(length)
    ? undefined
    : `it has ${bytes.byteLength} bytes, and was written with ${length}`;
}
