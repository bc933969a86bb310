import type { LogLevel } from '../options.ts';
import type { Batch, BatchEncoding, RunIdentity } from '../sink/contract.ts';
import type { Description } from './contract.ts';
import type { CrashWait } from './crash-backoff.ts';

/** A backend package as it was found. */
export interface LocatedPackage {
  /** As the policy names it, without line breaks. */
  readonly name: string;
  readonly version: string;
  /** Real path of the package's folder. */
  readonly directory: string;
  /** `file:` URL of the module to import. */
  readonly entryUrl: string;
}

/** What a child needs of a package to import it. */
export type Loadable = Pick<LocatedPackage, 'name' | 'entryUrl'>;

/** The way to a package whose other versions take its place by a link that is moved. */
export interface PackageLink {
  /** What was there when the package was opened. */
  readonly seen: string;
  /** What is there now: another text when the link was moved, or does not lead to a package. Never rejects. */
  look(): Promise<string>;
}

/** One finding of a backend's own schema: a row of the 403 reply, its path still inside `config` or `scope`. */
export interface SchemaFinding {
  readonly part: 'config' | 'scope';
  readonly path: readonly (string | number)[];
  readonly type: string;
  readonly message: string;
}

/** `v8.serialize({ config, scope })`: made once when a policy is applied, read by the child for each run. */
export type PolicyPayload = Buffer;

/** What the code of a run or a life may want beside its own work. */
export interface AsideHandlers {
  /**
   * Opens a run for entities outside of the schedule, and calls `begin` with it before it returns. Throws an `Error`
   * whose text is for the backend when there can be none, before `begin` is called.
   */
  ingest(begin: (request: RunRequest) => Ingest): void;
  recordFailure(reason: string): void;
}

/** What a run needs of the daemon while it goes. No handler may throw, but for `ingest`. */
export interface RunHandlers extends AsideHandlers {
  /** The backend's `run` was entered. */
  entered(): void;
  progress(done: number, total: number | undefined): void;
  log(level: LogLevel, message: string): void;
  /** Asks for room for a batch of this size; the backend is held back until it resolves. Rejects when the run is over. */
  reserve(bytes: number): Promise<void>;
  /** A closed batch, after its room was given. In order. */
  batch(batch: Batch): void;
}

export interface RunRequest {
  readonly identity: RunIdentity;
  readonly payload: PolicyPayload;
  readonly encoding: BatchEncoding;
  /** A batch closes this long after its first entity; undefined: only by size and at the run's end. */
  readonly closeBatchAfterMs: number | undefined;
  /** In a child that no other run shares: for a run whose last child crashed under several. */
  readonly alone: boolean;
  /** It runs where this life is, and nowhere else, also when it should run alone; undefined for a backend without `setup`. */
  readonly life: Life | undefined;
  readonly handlers: RunHandlers;
}

/** How the backend's part of a run ended. */
export type ExecutionOutcome =
  /** All entities were yielded and handed over. */
  | { readonly kind: 'returned' }
  /** The backend threw, or yielded what is no entity: the run's own fault, its child lives on. */
  | { readonly kind: 'failed'; readonly reason: string }
  /** It stopped after `cancel`, by itself or cut off. */
  | { readonly kind: 'cancelled'; readonly cutOff: boolean }
  /** Its child ended. `innocent`: because of another run, or nobody can say of which, so that this one may be run again. */
  | { readonly kind: 'crashed'; readonly reason: string; readonly innocent: boolean };

/** What the process that a run was in has used. */
export interface RunUsage {
  /** While the run was in it, to a hundredth of a second. */
  readonly cpuMs: number;
  /** The most resident memory that it had at once, since it began. */
  readonly peakBytes: number;
  /** Whether other runs were in it at the same time: the figures are of all together. */
  readonly isShared: boolean;
}

/** One run under way in a child. */
export interface Execution {
  /** Known once the outcome is; undefined for a run that was never entered, and where the system does not tell. */
  readonly usage: RunUsage | undefined;
  /** Never rejects; resolves once nothing of the run is left. */
  readonly outcome: Promise<ExecutionOutcome>;
  /** Aborts the run's signal; after `graceMs` what is left is cut off, its child with it. Later calls may only shorten the grace. */
  cancel(graceMs: number): void;
}

/** A run for entities outside of the schedule, as its child hands them over. */
export interface Ingest extends Execution {
  /** Tells the backend that all of it is safe, or why it will not be. To be called after an outcome of `returned` or `cancelled`. */
  answer(refusal: string | undefined): void;
}

/** What a policy that lives in a child needs of the daemon. No handler may throw, but for `ingest`. */
export interface LifeHandlers extends AsideHandlers {
  log(level: LogLevel, message: string): void;
  /** `setup` has returned. */
  up(): void;
}

export interface LifeRequest {
  /** Without line breaks. */
  readonly policyName: string;
  readonly payload: PolicyPayload;
  /** Away from other lives, where that is possible: the last one took its process along. */
  readonly apart: boolean;
  readonly handlers: LifeHandlers;
}

/** How a policy's life in a child ended. */
export type LifeEnd =
  /** It was asked to. */
  | { readonly kind: 'ended' }
  /** Its process takes nothing more, because of others: it may live on in another. */
  | { readonly kind: 'moved' }
  /** `setup` threw or took too long, its code threw, or its process ended. `guilty`: that was its own doing. */
  | { readonly kind: 'failed'; readonly reason: string; readonly guilty: boolean };

/** One policy in one child, from `setup` to `teardown`. */
export interface Life {
  /** Never rejects. */
  readonly ended: Promise<LifeEnd>;
  /** Calls `teardown`; after `graceMs` its process is ended. Later calls may only shorten the grace. Look at {@link ended}. */
  end(graceMs: number): void;
}

/** One policy's hold on a backend: while any is open, the package keeps its children. */
export interface BackendLease {
  /** The same object for everybody who holds this version. */
  readonly package: LocatedPackage;
  /** undefined for a package that is not in a bundle: it stays what it is. */
  readonly link: PackageLink | undefined;
  readonly description: Description;
  /**
   * Findings of the backend's own schemas, a list for each payload; waits at most 10 s.
   * @param secrets what the payloads hold of the environment: nothing that the package's children say or print shows
   * it from then on.
   */
  check(
    payloads: readonly PolicyPayload[],
    secrets: readonly string[],
  ): Promise<readonly (readonly SchemaFinding[])[]>;
  run(request: RunRequest): Execution;
  /** Calls the backend's `setup` for a policy; undefined for a backend that has none. */
  readonly setUp: ((request: LifeRequest) => Life) | undefined;
  /** Why and until when no run begins, because the package's processes crashed in a row; undefined when they do. */
  crashWait(): CrashWait | undefined;
  /** After the last close of a package its idle children end at once. */
  close(): void;
}

/** A package whose runs wait. */
export interface PackageCrashWait extends CrashWait {
  readonly package: string;
}

/** Runs backend packages isolated, in child processes. */
export interface BackendHost {
  /**
   * Finds a package, imports it in a child and asks it to describe itself.
   * Rejects with a `BackendError` whose message names the package and what was wrong; leaves nothing behind then.
   */
  open(packageName: string): Promise<BackendLease>;
  /** Children alive, for status and metrics. */
  children(): readonly {
    readonly pid: number;
    readonly package: string | undefined;
    readonly runs: number;
  }[];
  /** Packages whose processes crashed so often that their runs wait. */
  crashWaits(): readonly PackageCrashWait[];
  /** Cuts off what still runs and ends every child. */
  stop(): Promise<void>;
}
