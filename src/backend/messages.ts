import type { LogLevel } from '../options.ts';
import type { BatchEncoding } from '../sink/contract.ts';
import type { Description } from './contract.ts';
import type { SchemaFinding } from './host.ts';
import type { Rate } from './rate.ts';

/*
 * What the daemon and a child tell each other in control frames. A run is named by a number that the daemon gives
 * it, a policy's life (from `setup` to `teardown`) by one of the same kind; a question (`describe`, `check`) by another.
 *
 * A batch goes over in three steps: `offer`, `grant`, then the batch frame; there is one offer of a run at a time.
 *
 * Entities outside of the schedule are a run of their own, which the child asks for: `ingest`, `opened` (or `unopened`),
 * its batches, `returned`, then `kept` or `unkept`.
 */

export type ToChild =
  /** Import this package; the first message. */
  | { readonly type: 'load'; readonly id: number; readonly name: string; readonly entryUrl: string }
  | { readonly type: 'describe'; readonly id: number }
  | { readonly type: 'abort'; readonly run: number }
  /** Answer this, to show that the event loop turns. */
  | { readonly type: 'ping' }
  /** Do not enter this run: another child does. */
  | { readonly type: 'withdraw'; readonly run: number }
  /** There is room for the batch that was offered. */
  | { readonly type: 'grant'; readonly run: number }
  /** There will be no room any more for batches of this run. */
  | { readonly type: 'refuse'; readonly run: number }
  /** The run that was asked for under this id. */
  | {
      readonly type: 'opened';
      readonly id: number;
      readonly run: number;
      readonly runId: string;
      readonly encoding: BatchEncoding;
      readonly closeBatchAfterMs: number | undefined;
    }
  | { readonly type: 'unopened'; readonly id: number; readonly reason: string }
  /** All batches of a run that the child asked for are safe. */
  | { readonly type: 'kept'; readonly run: number }
  | { readonly type: 'unkept'; readonly run: number; readonly reason: string }
  | { readonly type: 'teardown'; readonly life: number };

/** With a policy's payload behind it. */
export type WorkForChild =
  | { readonly type: 'check'; readonly id: number }
  | { readonly type: 'setup'; readonly life: number; readonly policyName: string }
  | {
      readonly type: 'start';
      readonly run: number;
      readonly runId: string;
      readonly policyName: string;
      readonly encoding: BatchEncoding;
      readonly closeBatchAfterMs: number | undefined;
    };

export type FromChild =
  /** Code of the package is called for the answer to this question. */
  | { readonly type: 'asked'; readonly id: number }
  | { readonly type: 'loaded'; readonly id: number }
  /** `detail` is for the log alone: it may hold paths. */
  | { readonly type: 'unusable'; readonly id: number; readonly reason: string; readonly detail: string }
  /** `isResident`: it has a `setup` or a `teardown`. */
  | {
      readonly type: 'described';
      readonly id: number;
      readonly description: Description;
      readonly isResident: boolean;
    }
  | { readonly type: 'checked'; readonly id: number; readonly findings: readonly SchemaFinding[] }
  /** A question could not be answered. `thrown`: `reason` is the backend's own text, else it says what its answer lacks. */
  | { readonly type: 'declined'; readonly id: number; readonly reason: string; readonly thrown: boolean }
  | { readonly type: 'entered'; readonly runs: readonly number[] }
  /** So many more runs were entered, or were withdrawn before that, and the event loop went on after that. */
  | { readonly type: 'turned'; readonly runs: number }
  | { readonly type: 'progress'; readonly run: number; readonly done: number; readonly total: number | null }
  | { readonly type: 'log'; readonly run: number; readonly level: LogLevel; readonly message: string }
  | { readonly type: 'offer'; readonly run: number; readonly bytes: number }
  /** These have ended, and everything they yielded was handed over. */
  | { readonly type: 'returned'; readonly runs: readonly number[] }
  | { readonly type: 'failed'; readonly run: number; readonly reason: string }
  | { readonly type: 'cancelled'; readonly run: number }
  /** Code of this run or life wants a run for entities outside of the schedule; `id` is the child's own. */
  | { readonly type: 'ingest'; readonly run: number; readonly id: number }
  /** Code of this run or life puts a failure on record. */
  | { readonly type: 'failure'; readonly run: number; readonly reason: string }
  /** `setup` has returned. */
  | { readonly type: 'up'; readonly life: number }
  /** A life is over: before `up`, because `setup` threw `reason`; else because `teardown` is through, which may have thrown. */
  | { readonly type: 'down'; readonly life: number; readonly reason: string | null }
  /** Code of this run (or of nobody knows which) ends the process now. */
  | { readonly type: 'leaving'; readonly run: number | null }
  | { readonly type: 'pong' }
  /** What runs left behind or changed is there for those that come after them: better there are none. */
  | { readonly type: 'spoilt'; readonly by: string }
  /** Something was thrown where nobody could catch it. */
  | { readonly type: 'threw'; readonly run: number | null; readonly message: string };

/** Runs that one message may name. */
export const MOST_RUNS = 10_000;

/** Longest text of a log line or a reason, in characters; what is beyond is cut off. */
export const LONGEST_TEXT = 8_192;
/** Longest text of what runs left behind. */
export const LONGEST_TRACES = 1_000;
/** Findings of one payload; more help nobody. */
export const MOST_FINDINGS = 100;

/** Log lines, failures and progress reports of one run or life. */
export const REPORT_RATE: Rate = { atOnce: 500, perSecond: 200 };
/** Calls of `ingest` of one run or life that begin ... */
export const INGEST_RATE: Rate = { atOnce: 1_000, perSecond: 1_000 };
/** ... and that are under way at once. */
export const MOST_INGESTS = 100;

/** Cuts a text that is too long, and says so. */
export function shorten(text: string, longest: number = LONGEST_TEXT): string {
  return text.length <= longest
    ? text
    : `${text.slice(0, longest)}… (${text.length - longest} characters more)`;
}
