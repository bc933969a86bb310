import { BATCH_OUTCOMES, type BatchReceipt, type DeadLetter } from '../delivery/batch-store.ts';
import { RUN_STATUSES, RUN_TRIGGERS, type Run } from '../run/run.ts';
import { BATCH_ENCODINGS, type BatchEncoding, type RunIdentity } from '../sink/contract.ts';

/** What a spool row holds beside the bytes. */
export interface SpoolBody {
  readonly encoding: BatchEncoding;
  readonly policy: string;
  readonly run: RunIdentity;
}

/** What a letter's row holds beside the bytes. */
export interface LetterBody {
  readonly letter: DeadLetter;
  readonly run: RunIdentity;
}

/** JSON has no word for what is not there. */
const ABSENT_IN_RUN = {
  retryOf: undefined,
  verdict: undefined,
  retryAt: undefined,
  usage: undefined,
  progress: undefined,
  startedAt: undefined,
  finishedAt: undefined,
};
const ABSENT_IN_RECEIPT = {
  parent: undefined,
  keptAt: undefined,
  firstSentAt: undefined,
  lastSentAt: undefined,
  settledAt: undefined,
};

/** Not by zod: a start reads fifty thousand runs, which takes it nearly three times as long. */
type Check = (value: unknown) => boolean;

/** No date is farther from the epoch, in ms. */
const LATEST = 8.64e15;

const text: Check = (value) => typeof value === 'string';
const number: Check = Number.isFinite;
const time: Check = (value) => typeof value === 'number' && Math.abs(value) <= LATEST;
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);
const oneOf =
  (words: readonly string[]): Check =>
  (value) =>
    typeof value === 'string' && words.includes(value);

function record(checks: Readonly<Record<string, Check>>): Check {
  const entries = Object.entries(checks);
  return (value) => isRecord(value) && entries.every(([key, check]) => check(value[key]));
}

const encoding = oneOf(BATCH_ENCODINGS);
const identity = record({ runId: text, policyName: text, backend: text, appName: text, appVersion: text });

const isRun = record({
  id: text,
  sequence: number,
  policy: text,
  policyNumber: number,
  trigger: oneOf(RUN_TRIGGERS),
  origin: optional(oneOf(RUN_TRIGGERS)),
  retryOf: optional(text),
  retries: number,
  backend: record({ package: text, version: text, name: text, appName: text, appVersion: text }),
  dueAt: time,
  createdAt: time,
  status: oneOf(RUN_STATUSES),
  reason: text,
  verdict: optional(record({ status: oneOf(['completed', 'failed', 'cancelled']), reason: text })),
  retryAt: optional(time),
  entityCount: number,
  batches: number,
  bytes: number,
  usage: optional(isRecord),
  progress: optional(record({ done: number, total: optional(number) })),
  startedAt: optional(time),
  finishedAt: optional(time),
  updatedAt: time,
});

const isReceipt = record({
  id: text,
  runId: text,
  sequence: number,
  parent: optional(text),
  entityCount: number,
  byteLength: number,
  acceptedAt: time,
  keptAt: optional(time),
  firstSentAt: optional(time),
  lastSentAt: optional(time),
  tries: number,
  settledAt: optional(time),
  outcome: oneOf(BATCH_OUTCOMES),
  acknowledged: number,
  lastError: text,
});

const isSpoolBody = record({ encoding, policy: text, run: identity });

const isLetterBody = record({
  letter: record({
    id: text,
    runId: text,
    policy: text,
    batchId: text,
    encoding,
    entityCount: number,
    byteLength: number,
    reason: text,
    rejectedAt: time,
  }),
  run: identity,
});

/** Each of these reads the JSON of a row; undefined: it is not what was written, the file is damaged there. */
export function readRun(body: string): Run | undefined {
  const run = readChecked<Omit<Run, 'origin'>>(body, isRun);
  // The first programs did not note the origin: what repeated another was then taken for what its policy is owed.
  return run && { ...ABSENT_IN_RUN, origin: run.trigger, ...run };
}

export function readReceipt(body: string): BatchReceipt | undefined {
  const receipt = readChecked<BatchReceipt>(body, isReceipt);
  return receipt && { ...ABSENT_IN_RECEIPT, ...receipt };
}

export function readSpoolBody(body: string): SpoolBody | undefined {
  return readChecked<SpoolBody>(body, isSpoolBody);
}

export function readLetterBody(body: string): LetterBody | undefined {
  return readChecked<LetterBody>(body, isLetterBody);
}

/** Of a JSON text. */
export function readText(body: string): string | undefined {
  const value = readJson(body);
  return typeof value === 'string' ? value : undefined;
}

/** `Value` is what a check says of it: written by this program, and only looked at here for damage. */
function readChecked<Value>(body: string, isSound: Check): Value | undefined {
  const value = readJson(body);
  return isSound(value) ? (value as Value) : undefined;
}

function readJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
