import type { LocatedPackage, PolicyPayload } from '../backend/host.ts';
import type { MisfireRule, Overlap, RetryRule } from '../run/contract.ts';
import type { Run } from '../run/run.ts';

/** Where a policy came from: it decides which `${NAME}` may be expanded (design: trust). */
export type Provenance = 'file' | 'authenticated' | 'loopback' | 'network';

/** What is legal and yet surprises: shown in the log and in `GET /api/v1/policies/NAME`. */
export interface PolicyWarning {
  /** Where, with dots: `policies.NAME.scope.country`. */
  readonly field: string;
  /** 1-based place in the document, where known. */
  readonly line: number | undefined;
  readonly column: number | undefined;
  /** What was read, and how to write what was perhaps meant. */
  readonly message: string;
}

/** The policy's third key, `run`, with nothing missing. */
export interface RunSettings {
  /** IANA zone of the schedule. */
  readonly timezone: string;
  readonly timeoutMs: number | undefined;
  readonly overlap: Overlap;
  readonly misfire: MisfireRule;
  readonly retry: RetryRule;
}

/** One policy of a document: read, checked and expanded, its backend not yet looked for. */
export interface PolicyDraft {
  /** As written; the name in replies, and for DELETE. */
  readonly name: string;
  /** Without `\n` and `\r\n`: the name a run sees. */
  readonly runName: string;
  /** Expanded, without `\n` and `\r\n`. */
  readonly packageName: string;
  /** Cron expression; undefined: once. */
  readonly schedule: string | undefined;
  readonly settings: RunSettings;
  /** The text from which it can be read again: `config`, `scope` and `run` as written, `${NAME}` unexpanded. */
  readonly document: string;
  /** The same, as plain JSON values. */
  readonly written: { readonly config: unknown; readonly scope: unknown; readonly run: unknown };
  /** Expanded config and scope. */
  readonly payload: PolicyPayload;
  /** Variables that it names and that are not set. */
  readonly unset: readonly string[];
  /** Values that came from the environment: whatever text the backend produces is cleaned of them. */
  readonly secrets: readonly string[];
  readonly warnings: readonly PolicyWarning[];
}

/** A policy that was applied, as the API shows it. */
export interface PolicyView {
  readonly name: string;
  readonly config: unknown;
  readonly scope: unknown;
  readonly run: unknown;
  readonly timezone: string;
  /** Epoch ms. */
  readonly nextRunAt: number | undefined;
  readonly warnings: readonly PolicyWarning[];
  readonly backend: { readonly package: string; readonly version: string };
  /** Why a policy of an earlier life of the daemon does not run; undefined: it does, or is about to. */
  readonly failure: string | undefined;
  /** Why its backend could not set it up, and when (epoch ms) it tries again. */
  readonly setupFault: { readonly reason: string; readonly retryAt: number } | undefined;
  /** Until when (epoch ms) and why no run of its package begins, where that crashed too often. */
  readonly crashWait: { readonly until: number; readonly reason: string } | undefined;
}

/** A policy of a document that may be applied, and was not. */
export interface ValidatedPolicy {
  readonly name: string;
  readonly backend: { readonly package: string; readonly version: string };
  /** When its schedule would start the first run (epoch ms); undefined without a schedule. */
  readonly nextRunAt: number | undefined;
  readonly warnings: readonly PolicyWarning[];
}

/** What came of putting a policy in its place; `unchanged`: the same document stands there already. */
export type Replacement = 'created' | 'replaced' | 'unchanged';

/** Policies that cannot work for now, whatever their runs say. */
export interface UnablePolicies {
  readonly count: number;
  /** One of them, with its reason. */
  readonly example: { readonly name: string; readonly reason: string } | undefined;
}

/** All policies of the daemon. */
export interface PolicyRegistry {
  /**
   * Goes on with the policies of an earlier life, where they are kept: resolves when their names are taken. Their
   * packages are opened after that. One that cannot be read or loaded any more stays, says why, and is tried again.
   */
  restore(): Promise<void>;
  /**
   * Applies every policy of a document, or none, in the place of those of an earlier life that nobody has touched since:
   * such a one goes on where it is the same, but a run that it was owed and has had is run again. Resolves to their names in document order; rejects with a
   * `RequestError` whose reply is upstream's.
   */
  apply(document: Buffer, provenance: Provenance): Promise<readonly string[]>;
  /**
   * Applies one policy, in the place of the one of this name if there is one. What begins after that is a run of the
   * new one; runs under way are left to end, or cancelled within a second by `cancelRuns`. The same policy again
   * changes nothing. Rejects with a `RequestError`, and leaves the old one as it was then.
   */
  replace(
    name: string,
    document: Buffer,
    options: { readonly provenance: Provenance; readonly cancelRuns: boolean },
  ): Promise<Replacement>;
  /** What would come of `apply`, with nothing applied; the rows of its `ValidationError` have places. */
  validate(document: Buffer, provenance: Provenance): Promise<readonly ValidatedPolicy[]>;
  /** Runs a policy now, whatever its schedule; throws `NotFoundError`, and `ConflictError` where its overlap forbids it. */
  submit(name: string): Readonly<Run>;
  /** Resolves within a second, its runs cancelled; rejects with `NotFoundError`. */
  delete(name: string): Promise<void>;
  get(name: string): PolicyView | undefined;
  /** The version of its package that a policy has at this moment. */
  packageOf(name: string): LocatedPackage | undefined;
  /** Why a policy cannot work: it did not come back from an earlier life, or could not be set up; undefined: it can. */
  failureOf(name: string): string | undefined;
  /** Those of an earlier life that do not come back, and those whose backend could not set them up. */
  unable(): UnablePolicies;
  /** In the order they were applied. */
  names(): Iterable<string>;
  readonly size: number;
  /** Packages of policies applied so far, kept after their policies are gone. */
  loadedPackages(): readonly string[];
  /** Fires no more, refuses documents, closes leases. */
  stop(): void;
  /** After {@link stop}: ends what backends have set up. Resolves when that is over, after `graceMs` at the latest plus the time to end processes. */
  tearDown(graceMs: number): Promise<void>;
}
