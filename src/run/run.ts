import type { RunUsage } from '../backend/host.ts';
import { IllegalMoveError } from '../errors.ts';

/**
 * States that another follows:
 * - `pending`: opened, waits for a free place or its child.
 * - `running`: its backend is at work.
 * - `delivering`: its backend has ended, batches wait for their acknowledgement.
 */
export const LIVE_STATUSES = ['pending', 'running', 'delivering'] as const;

/**
 * States that nothing follows:
 * - `completed`: every batch was acknowledged.
 * - `failed`, `cancelled`: ended early; `reason` says why.
 * - `lost`: a dead process left it behind and nobody can prove it alive.
 * - `skipped`: it was due and did not start.
 */
export const FINAL_STATUSES = ['completed', 'failed', 'cancelled', 'lost', 'skipped'] as const;

export const RUN_STATUSES = [...LIVE_STATUSES, ...FINAL_STATUSES] as const;

export type RunStatus = (typeof RUN_STATUSES)[number];

const movesFrom: Record<RunStatus, readonly RunStatus[]> = {
  pending: ['running', 'failed', 'cancelled', 'lost', 'skipped'],
  running: ['delivering', 'failed', 'cancelled', 'lost'],
  delivering: ['completed', 'failed', 'cancelled', 'lost'],
  completed: [],
  failed: [],
  cancelled: [],
  lost: [],
  skipped: [],
};

/** What started a run; `submit`: somebody asked for it; `ingest`: its backend did, beside its schedule. */
export const RUN_TRIGGERS = ['cron', 'once', 'submit', 'retry', 'ingest'] as const;

export type RunTrigger = (typeof RUN_TRIGGERS)[number];

/** The final state of a run whose backend was at work, and why when it is not `completed`. */
export interface Conclusion {
  readonly status: 'completed' | 'failed' | 'cancelled';
  readonly reason: string;
}

/** The backend that a run is of. */
export interface RunBackend {
  readonly package: string;
  readonly version: string;
  readonly name: string;
  readonly appName: string;
  readonly appVersion: string;
}

/** One execution of a policy, as history keeps it. Times are milliseconds since the epoch. */
export interface Run {
  readonly id: string;
  /** Orders runs of one daemon: later opened, larger. */
  readonly sequence: number;
  readonly policy: string;
  /** Tells policies of one name apart; 0 where policies are not kept. */
  readonly policyNumber: number;
  readonly trigger: RunTrigger;
  /** What started the first of those that it repeats, or it where it repeats none. */
  readonly origin: RunTrigger;
  readonly retryOf: string | undefined;
  /** How many of its policy's retries were used up by it and those that it repeats. */
  readonly retries: number;
  /** The version that it has begun with; until then the one that its policy had when it was opened. */
  backend: RunBackend;
  readonly dueAt: number;
  readonly createdAt: number;
  status: RunStatus;
  /** `''` unless it says why the run failed, was cancelled, lost or skipped. */
  reason: string;
  /** What it comes to when what it yielded is delivered; known once its backend's part is over. */
  verdict: Conclusion | undefined;
  /** When it is run again (epoch ms): it has not come to its end, for a passing reason. */
  retryAt: number | undefined;
  /** Acknowledged entities. */
  entityCount: number;
  batches: number;
  bytes: number;
  /** Of the process that its backend ran in, known when that is over. */
  usage: RunUsage | undefined;
  progress: { readonly done: number; readonly total: number | undefined } | undefined;
  startedAt: number | undefined;
  finishedAt: number | undefined;
  updatedAt: number;
}

/** True for a state that nothing follows. */
export function isFinal(status: RunStatus): boolean {
  return movesFrom[status].length === 0;
}

/** A run on request, what repeats it, and one that its backend begins itself are more than what a policy is owed. */
export function isOwed({ origin }: Readonly<Run>): boolean {
  return origin !== 'submit' && origin !== 'ingest';
}

/** Changes a run's state; throws {@link IllegalMoveError} where the table forbids it. */
export function moveTo(run: Run, status: RunStatus, now: number): void {
  if (!movesFrom[run.status].includes(status)) throw new IllegalMoveError(run.status, status);
  run.status = status;
  run.updatedAt = now;
  if (status === 'running') run.startedAt = now;
  if (isFinal(status)) run.finishedAt = now;
}
