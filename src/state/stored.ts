import type { BatchReceipt, DeadLetter } from '../delivery/batch-store.ts';
import type { Run } from '../run/run.ts';
import type { BatchEncoding, RunIdentity } from '../sink/contract.ts';

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

type Check = (value: unknown) => boolean;
/** A value of each kind that is stored; only its type counts. */
type Shape = { readonly [key: string]: '' | 0 | readonly string[] | Shape };

const STATUSES = ['pending', 'running', 'delivering', 'completed', 'failed', 'cancelled', 'lost', 'skipped'];
const TRIGGERS = ['cron', 'once', 'submit', 'retry', 'ingest'];
const OUTCOMES = ['waiting', 'acknowledged', 'rejected', 'split', 'dropped'];
const ENCODINGS = ['diode', 'otlp', 'json'];

const RUN = checkOf({
  id: '',
  sequence: 0,
  policy: '',
  policyNumber: 0,
  trigger: TRIGGERS,
  retries: 0,
  backend: { package: '', version: '', name: '', appName: '', appVersion: '' },
  dueAt: 0,
  createdAt: 0,
  status: STATUSES,
  reason: '',
  entityCount: 0,
  batches: 0,
  bytes: 0,
  updatedAt: 0,
});
const RECEIPT = checkOf({
  id: '',
  runId: '',
  sequence: 0,
  entityCount: 0,
  byteLength: 0,
  acceptedAt: 0,
  tries: 0,
  outcome: OUTCOMES,
  acknowledged: 0,
  lastError: '',
});
const IDENTITY: Shape = { runId: '', policyName: '', backend: '', appName: '', appVersion: '' };
const SPOOL = checkOf({ encoding: ENCODINGS, policy: '', run: IDENTITY });
const LETTER = checkOf({
  letter: {
    id: '',
    runId: '',
    policy: '',
    batchId: '',
    encoding: ENCODINGS,
    entityCount: 0,
    byteLength: 0,
    reason: '',
    rejectedAt: 0,
  },
  run: IDENTITY,
});

/** Each of these reads the JSON of a row; undefined: it is not what was written, the file is damaged there. */
export function readRun(body: string): Run | undefined {
  const run = readChecked<Run>(body, RUN);
  return run && { ...ABSENT_IN_RUN, ...run };
}

export function readReceipt(body: string): BatchReceipt | undefined {
  const receipt = readChecked<BatchReceipt>(body, RECEIPT);
  return receipt && { ...ABSENT_IN_RECEIPT, ...receipt };
}

export function readSpoolBody(body: string): SpoolBody | undefined {
  return readChecked<SpoolBody>(body, SPOOL);
}

export function readLetterBody(body: string): LetterBody | undefined {
  return readChecked<LetterBody>(body, LETTER);
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

function checkOf(wanted: Shape[string]): Check {
  if (wanted === '') return (value) => typeof value === 'string';
  if (wanted === 0) return (value) => typeof value === 'number';
  if (isChoice(wanted)) return (value) => typeof value === 'string' && wanted.includes(value);
  const checks = Object.entries(wanted).map(([key, of]) => ({ key, isSound: checkOf(of) }));
  return (value) => isRecord(value) && checks.every(({ key, isSound }) => isSound(value[key]));
}

function isChoice(wanted: readonly string[] | Shape): wanted is readonly string[] {
  return Array.isArray(wanted);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
