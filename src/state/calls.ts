import type { BatchOutcome } from '../delivery/batch-store.ts';
import type { RunStatus } from '../run/run.ts';
import { readText } from './stored.ts';

/**
 * What the state's thread can be asked to do: by name, with plain values. Columns hold what is looked for; the rest of
 * an object is JSON in `body`.
 */
export interface Calls extends PolicyCalls, HistoryCalls, BatchCalls, LetterCalls, UpkeepCalls {}

export interface PolicyCalls {
  readonly 'policies.found': () => FoundPolicyRow[];
  readonly 'policies.save': (rows: readonly PolicyRow[]) => void;
  readonly 'policies.saveAgain': (rows: readonly LastingPolicyRow[]) => void;
  readonly 'policies.remove': (numbers: readonly number[]) => void;
}

export interface HistoryCalls {
  /** Runs first, then their lines. Returns why some could not be written, however often that were tried: faults of ours. */
  readonly 'history.write': (runs: readonly RunRow[], lines: readonly LineRow[]) => string[];
  readonly 'runs.keep': (row: RunRow) => void;
  readonly 'runs.get': (id: string) => string | undefined;
  readonly 'runs.log': (id: string) => LogRows;
  readonly 'runs.list': (query: RunRowQuery) => string[];
  readonly 'runs.latestOfEach': (count: number) => string[];
  readonly 'runs.unfinished': () => string[];
  readonly 'runs.lastSequence': () => number;
}

export interface BatchCalls {
  readonly 'batches.found': () => LeftBatchRow[];
  readonly 'batches.keep': (batch: NewBatchRow) => void;
  readonly 'batches.read': (id: string) => Uint8Array<ArrayBuffer> | undefined;
  readonly 'batches.settle': (change: SettlementRows) => void;
  readonly 'batches.receipts': (runId: string) => string[];
}

export interface LetterCalls {
  readonly 'letters.list': (query: LetterRowQuery) => string[];
  readonly 'letters.open': (id: string) => LetterRow | undefined;
  readonly 'letters.drop': (id: string) => boolean;
}

export interface UpkeepCalls {
  /** Drops what is beyond the bounds, little by little. */
  readonly 'upkeep.begin': (now: number) => void;
  /** Tries to write again after a fault of the disk. */
  readonly 'upkeep.probe': () => void;
}

export type CallName = keyof Calls;

/**
 * - `read`: changes nothing.
 * - `kept`: somebody waits until it is safe on the disk.
 * - `noted`: is on the disk a moment later; after a fault of the disk it is tried again.
 * - `upkeep`: is about the thread itself.
 */
export type CallKind = 'read' | 'kept' | 'noted' | 'upkeep';

export const CALL_KINDS: Readonly<Record<CallName, CallKind>> = {
  'policies.found': 'read',
  'policies.save': 'kept',
  'policies.saveAgain': 'kept',
  'policies.remove': 'kept',
  'history.write': 'noted',
  'runs.keep': 'kept',
  'runs.get': 'read',
  'runs.log': 'read',
  'runs.list': 'read',
  'runs.latestOfEach': 'read',
  'runs.unfinished': 'read',
  'runs.lastSequence': 'read',
  'batches.found': 'read',
  'batches.keep': 'kept',
  'batches.read': 'read',
  'batches.settle': 'kept',
  'batches.receipts': 'read',
  'letters.list': 'read',
  'letters.open': 'read',
  'letters.drop': 'kept',
  'upkeep.begin': 'upkeep',
  'upkeep.probe': 'upkeep',
};

/** A call as it is posted; the answer bears its number. */
export type Call<Name extends CallName = CallName> = {
  readonly [N in Name]: {
    readonly number: number;
    readonly name: N;
    readonly parameters: Parameters<Calls[N]>;
  };
}[Name];

export type Result<Name extends CallName> = ReturnType<Calls[Name]>;

/** How a call went. `unavailable`: it may be tried again; `failed`: a fault of ours. */
export type Answer =
  | { readonly number: number; readonly kind: 'done'; readonly value: unknown }
  | { readonly number: number; readonly kind: 'unavailable' | 'failed'; readonly message: string };

/** Where the thread stands after a group of calls. */
export interface Meter {
  /** `''` while all is well, otherwise one sentence for a person. */
  readonly fault: string;
  /** What was damaged and is repaired, one sentence for a person; `''`: nothing in this life of the daemon. */
  readonly warning: string;
  /** How often something was. */
  readonly repairs: number;
  readonly fileBytes: number;
  readonly waitingBytes: number;
  readonly letterCount: number;
  /** That made room for others, since the file was opened. */
  readonly droppedLetters: number;
  readonly commits: number;
  readonly commitMs: number;
}

interface Reply {
  readonly answers: readonly Answer[];
  readonly meter: Meter;
}

/** A name as a column holds it: JSON, so that no character of it is lost on the way. */
export type NameKey = string;

export function keyOfName(name: string): NameKey {
  return JSON.stringify(name);
}

/** One that is damaged is a name as it is. */
export function nameOfKey(key: NameKey): string {
  return readText(key) ?? key;
}

export interface PolicyRow {
  readonly number: number;
  readonly name: NameKey;
  readonly document: string;
  readonly provenance: string;
  readonly appliedAt: number;
}

export interface LastingPolicyRow extends PolicyRow {
  readonly hasRun: boolean;
}

export interface FoundPolicyRow extends LastingPolicyRow {
  readonly lastDueAt: number | undefined;
}

/** A list, because very many of them are posted. */
export type RunRow = readonly [
  sequence: number,
  id: string,
  policy: NameKey,
  policyNumber: number,
  trigger: string,
  status: RunStatus,
  dueAt: number,
  createdAt: number,
  finishedAt: number | null,
  body: string,
  /** Whether its policy has run, now that it has ended. */
  hasEnded: boolean,
];

export type LineRow = readonly [runId: string, at: number, level: string, message: string];

export interface LogRows {
  /** Body of a line each. */
  readonly lines: readonly { readonly at: number; readonly level: string; readonly message: string }[];
  readonly dropped: number;
}

export interface RunRowQuery {
  readonly policy: NameKey | undefined;
  readonly status: RunStatus | undefined;
  readonly limit: number;
  readonly before: number | undefined;
}

export interface ReceiptRow {
  readonly id: string;
  readonly runId: string;
  readonly sequence: number;
  readonly outcome: BatchOutcome;
  readonly acceptedAt: number;
  readonly body: string;
}

/** What a batch needs beyond its receipt as long as it waits. */
export interface SpoolRow {
  readonly id: string;
  /** JSON: encoding, policy, run. */
  readonly body: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface NewBatchRow {
  readonly receipt: ReceiptRow;
  readonly spool: SpoolRow;
}

export interface LeftBatchRow {
  readonly receipt: string;
  readonly spool: string;
}

export interface LetterRow {
  readonly id: string;
  readonly runId: string;
  readonly policy: NameKey;
  /** JSON: letter and run. */
  readonly body: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface LetterRowQuery {
  readonly policy: NameKey | undefined;
  readonly runId: string | undefined;
  readonly limit: number;
  readonly after: string | undefined;
}

export interface SettlementRows {
  readonly receipts: readonly ReceiptRow[];
  readonly parts: readonly SpoolRow[];
  readonly letters: readonly LetterRow[];
  readonly droppedLetters: readonly string[];
}

/** What the thread is sent: calls in their order, or its end. */
export type ToThread = readonly Call[] | 'close';

export type FromThread =
  | { readonly kind: 'opened'; readonly meter: Meter }
  /** It cannot begin; the message is for a person. */
  | { readonly kind: 'refused'; readonly message: string }
  | ({ readonly kind: 'reply' } & Reply);
