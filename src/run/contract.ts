import type { BackendLease, Ingest, Life, PolicyPayload, RunRequest } from '../backend/host.ts';
import type { DeliveredRun, DeliveryStopReport } from '../delivery/contract.ts';
import type { LogLevel } from '../options.ts';
import type { Run, RunStatus, RunTrigger } from './run.ts';

/** What happens to a due run whose policy still has one at work. */
export type Overlap = 'skip' | 'queue_one' | 'allow';

/** What happens to a moment of a schedule that nobody was there for, or that is noticed late. */
export interface MisfireRule {
  readonly mode: 'run_once' | 'skip';
  /** Run once: unless it is later than this. */
  readonly windowMs: number;
}

/** How often a run that failed for a passing reason is run again. */
export interface RetryRule {
  readonly times: number;
  /** Before the first retry; before each further one it is twice as long. */
  readonly backoffMs: number;
}

/** What of a policy a run needs. */
export interface RunnablePolicy {
  readonly name: string;
  /** Tells policies of one name apart; 0 where policies are not kept. */
  readonly number: number;
  /** The name a run sees, without line breaks. */
  readonly runName: string;
  /** May be another one after {@link RunnablePolicy.catchUp}. */
  readonly lease: BackendLease;
  readonly payload: PolicyPayload;
  /** What starts its runs; `once`: it is owed one run. */
  readonly kind: 'cron' | 'once';
  readonly overlap: Overlap;
  readonly retry: RetryRule;
  /** Runs of one group overlap each other: those of a policy, and of the policies that it took the place of. */
  readonly overlapGroup: object;
  /** undefined: the daemon's own limit, if any. */
  readonly timeoutMs: number | undefined;
  /** Texts that no log line or reason may show. */
  readonly secrets: readonly string[];
  /**
   * Before each run: looks for a new version of its package, and takes it if it can. Resolves when `lease` may be
   * used, never rejects; undefined when there is nothing to wait for.
   */
  catchUp(): Promise<void> | undefined;
  /** After that: resolves when it is known whether there is a {@link home}, never rejects; undefined when it is. */
  whenSettled(): Promise<void> | undefined;
  /**
   * Where its runs have to be; undefined when they may be anywhere.
   * @throws Error when it is set up nowhere, with the reason.
   */
  home(): Life | undefined;
  /** From now on its backend begins nothing more by itself. */
  readonly isDeleted: boolean;
}

/** What backends begin themselves, beside their schedules. */
export interface BesideSchedule {
  /**
   * Opens a run of this policy for entities that its backend hands over, and calls `begin` with it before it returns.
   * Throws a `RequestError` when the policy was deleted or the daemon stops.
   */
  ingest(policy: RunnablePolicy, begin: (request: RunRequest) => Ingest): void;
  /** Puts a failure on record: a run of this policy that has `failed` with this reason. */
  recordFailure(policy: RunnablePolicy, reason: string): void;
}

/** What was still under way when the daemon stopped. */
export interface StopReport {
  readonly cancelledRuns: number;
  readonly delivery: DeliveryStopReport;
}

/** Resolves when it is done, after about `graceMs` at the latest; never rejects. */
export type Farewell = (graceMs: number) => Promise<void>;

/** What an earlier life of the daemon left. */
export interface LeftRuns {
  /** Runs in a state that is not final, oldest first. */
  readonly unfinished: readonly Run[];
  /** The latest runs of each policy. */
  readonly latest: readonly Run[];
  /** The largest sequence that was ever given. */
  readonly lastSequence: number;
  /** Of whose batches some wait. */
  readonly undelivered: readonly DeliveredRun[];
}

/** Decides whether due runs start, and takes each through its states. */
export interface RunCoordinator extends BesideSchedule {
  /**
   * Goes on with what an earlier life left, before anything else: runs whose backend was at work are lost, those that
   * were being delivered go on.
   */
  restore(left: LeftRuns): void;
  /**
   * A policy of an earlier life is there again: its runs that are to be run again will be. Returns whether the run
   * that it is owed, if it is, is among these or being delivered.
   */
  takeUp(policy: RunnablePolicy): boolean;
  /** A run of this policy is due: it starts, waits, or is recorded as skipped. */
  fire(policy: RunnablePolicy, trigger: RunTrigger, dueAt: number): void;
  /** A run of this policy was due and does not start: it is recorded as skipped. */
  skip(policy: RunnablePolicy, trigger: RunTrigger, dueAt: number, reason: string): void;
  /**
   * Starts a run of this policy because somebody asks for one.
   * @throws ConflictError where its `overlap` forbids it, UnavailableError while the daemon stops.
   */
  submit(policy: RunnablePolicy): Readonly<Run>;
  /** Cancels the runs of the policy's overlap group with this reason, waiting ones and its retries too; resolves when none is left, after `graceMs` at the latest plus the time to cut off. */
  cancel(policy: RunnablePolicy, reason: string, graceMs: number): Promise<void>;
  /**
   * Cancels one run: its backend gets a moment to stop, and what it has yielded a moment to be delivered; what only
   * waits to be delivered is given up. Returns the run, or undefined when it is not under way.
   */
  cancelRun(id: string, reason: string): Readonly<Run> | undefined;
  /**
   * Another policy takes this one's place: its runs that have not begun are cancelled with this reason, there are no
   * more retries, those that have begun are left to end. Resolves when none of its own needs its backend any more.
   */
  retire(policy: RunnablePolicy, reason: string): Promise<void>;
  /**
   * Starts nothing more, cancels what runs, lets deliveries end as far as the time allows.
   * @param farewell what is to be done between: after the runs, while backends may still hand entities over.
   */
  stop(timeoutMs: number, farewell?: Farewell): Promise<StopReport>;
}

export interface RunQuery {
  readonly policy: string | undefined;
  readonly status: RunStatus | undefined;
  readonly limit: number;
  readonly cursor: string | undefined;
}

/** A line that a backend wrote in a run, without secrets of its policy. */
export interface RunLine {
  /** Epoch ms. */
  readonly at: number;
  readonly level: LogLevel;
  readonly message: string;
}

/** What is left of the lines of a run. */
export interface KeptLines {
  /** The latest line is the last. */
  readonly lines: readonly RunLine[];
  /** How many came before them and were not kept. */
  readonly dropped: number;
}

/** Runs, newest first; a cursor where there are more. */
export interface RunPage {
  readonly runs: readonly Readonly<Run>[];
  readonly nextCursor: string | undefined;
}

/** Runs of this daemon's life, and of its earlier ones where they are archived, newest first, within fixed bounds. */
export interface RunHistory {
  get(id: string): Promise<Readonly<Run> | undefined>;
  /** Resolves when a run that was opened is remembered as long as there is a history; rejects with `UnavailableError`. */
  keep(run: Readonly<Run>): Promise<void>;
  /** What its backend wrote; empty for a run that is not known. */
  log(id: string): Promise<KeptLines>;
  /** Rejects with `BadRequestError` for a cursor that is none, or of another query. */
  list(query: RunQuery): Promise<RunPage>;
  /**
   * The latest runs of an applied policy, newest first, without those that were skipped; those of the trigger `ingest`
   * only where there are no others.
   */
  latest(policy: string, count: number): readonly Readonly<Run>[];
  /** The policy was deleted: a new one of the same name starts without runs. */
  detach(policy: string): void;
}
