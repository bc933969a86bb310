import type { BatchEncoding } from '../sink/contract.ts';
import type { Description } from './contract.ts';
import type { SchemaFinding } from './host.ts';

/*
 * What the daemon and a child tell each other in control frames. A run is named by a number that the daemon gives
 * it; a question (`describe`, `check`) by another.
 *
 * A batch goes over in three steps: `offer`, `grant`, then the batch frame; there is one offer of a run at a time.
 */

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

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
  | { readonly type: 'refuse'; readonly run: number };

/** With a policy's payload behind it. */
export type WorkForChild =
  | { readonly type: 'check'; readonly id: number }
  | {
      readonly type: 'start';
      readonly run: number;
      readonly runId: string;
      readonly policyName: string;
      readonly encoding: BatchEncoding;
      readonly closeBatchAfterMs: number | undefined;
    };

export type FromChild =
  | { readonly type: 'loaded'; readonly id: number }
  /** `detail` is for the log alone: it may hold paths. */
  | { readonly type: 'unusable'; readonly id: number; readonly reason: string; readonly detail: string }
  | { readonly type: 'described'; readonly id: number; readonly description: Description }
  | { readonly type: 'checked'; readonly id: number; readonly findings: readonly SchemaFinding[] }
  /** A question could not be answered. `thrown`: `reason` is the backend's own text, else it says what its answer lacks. */
  | { readonly type: 'declined'; readonly id: number; readonly reason: string; readonly thrown: boolean }
  | { readonly type: 'entered'; readonly runs: readonly number[] }
  /** So many more runs were entered, and the event loop went on after that. */
  | { readonly type: 'turned'; readonly runs: number }
  | { readonly type: 'progress'; readonly run: number; readonly done: number; readonly total: number | null }
  | { readonly type: 'log'; readonly run: number; readonly level: LogLevel; readonly message: string }
  | { readonly type: 'offer'; readonly run: number; readonly bytes: number }
  /** These have ended, and everything they yielded was handed over. */
  | { readonly type: 'returned'; readonly runs: readonly number[] }
  | { readonly type: 'failed'; readonly run: number; readonly reason: string }
  | { readonly type: 'cancelled'; readonly run: number }
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

/** Log lines and progress reports of one run: this many at once ... */
export const REPORTS_AT_ONCE = 500;
/** ... and this many a second in the long run. */
export const REPORTS_PER_SECOND = 200;

/** Cuts a text that is too long, and says so. */
export function shorten(text: string, longest: number = LONGEST_TEXT): string {
  return text.length <= longest
    ? text
    : `${text.slice(0, longest)}… (${text.length - longest} characters more)`;
}
