import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Entity } from '../entity/types.ts';

/** How a backend introduces itself; `app_name` and `app_version` are what Diode shows as the producer. */
export interface Description {
  /** The backend's own name: `worker_backend` in what is sent. */
  name: string;
  app_name: string;
  app_version: string;
  description?: string;
}

/** What a run is about: frozen, `${NAME}` expanded. */
export interface PolicyInput<Config = Record<string, unknown>, Scope = unknown> {
  /** Every key that was written, `package` and `schedule` too, overlaid with what the config schema made of them. */
  readonly config: Config;
  readonly scope: Scope;
}

/** Writes lines that carry the policy, and the run where there is one. */
export interface RunLog {
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

type Entities = Iterable<Entity> | AsyncIterable<Entity>;

/** What a backend may use of the daemon as long as one policy lives: what `setup` and `teardown` get. */
export interface PolicyContext {
  /** The policy's name, without line breaks. */
  readonly policyName: string;
  /**
   * Aborts when this is over. In `setup`: when the policy is deleted, replaced, gets another version of the package, or
   * the daemon stops; `teardown` is called next. In `run`: when the run is cancelled, timed out, or the daemon stops;
   * what is left after a grace period is cut off.
   */
  readonly signal: AbortSignal;
  readonly log: RunLog;
  /**
   * Sends entities outside of the schedule: what a listener heard, what a run wants to be safe before it goes on. Each
   * call is a run of its own in the history (trigger `ingest`). Call it with what belongs together rather than once
   * for each entity: some calls go on side by side, others wait for their turn, thousands that wait are refused.
   *
   * An array is read whole before anything is sent: with one entity that is none, nothing of it is. It is copied at
   * once, its entities are not: leave them alone until the promise is settled. An iterable or a generator is held back
   * while the receiver is behind, as `run` is, and may go on for as long as it likes; what was sent before an entity
   * that is none has been sent.
   *
   * Resolves when all of it is on disk (with `--data-dir`: from then on it arrives, whatever happens), or acknowledged by
   * the receiver (without). Rejects with an `Error` that says why: an entity is none, the iterable threw, the receiver
   * refused them, it was cancelled, or this context's run or policy is over.
   */
  ingest(entities: Entities): Promise<void>;
  /**
   * Puts a failure on record that no run stands for, such as a listener that lost its connection: a run of its own in
   * the history, `failed` with the error's text, without entities. As many as log lines: 500 at once, 200 a second.
   */
  recordFailure(error: unknown): void;
}

/** What a run may use of the daemon. */
export interface RunContext extends PolicyContext {
  readonly runId: string;
  /** Shows in the run how far it has come. */
  progress(done: number, total?: number): void;
}

/**
 * The default export of a backend package.
 *
 * Called in a process of its own, several runs at once. `describe` is called whenever a policy is applied and has
 * no side effects. `config` and `scope` are checked when a policy is applied; `run` is called once for each run
 * and returns or yields entities. An async generator is held back while the receiver is behind.
 */
export interface Backend<
  ConfigSchema extends StandardSchemaV1 = StandardSchemaV1<unknown, Record<string, unknown>>,
  ScopeSchema extends StandardSchemaV1 = StandardSchemaV1<unknown, unknown>,
> {
  describe(): Description | Promise<Description>;
  config?: ConfigSchema;
  scope?: ScopeSchema;
  run(policy: PolicyOf<ConfigSchema, ScopeSchema>, context: RunContext): Entities | Promise<Entities>;
  /**
   * Called once for each policy when that is applied, and again in another process when this one died or took on too
   * much, or a new version of the package takes over: opens what lives as long as the policy, such as a listener. The
   * policy's runs are in the same process, and begin when it has returned. It has 30 s. When it throws, the policy is
   * `failed` until another try, some time later, succeeds.
   */
  setup?(policy: PolicyOf<ConfigSchema, ScopeSchema>, context: PolicyContext): void | Promise<void>;
  /**
   * Called once after each `setup` that returned, when the policy is deleted or replaced, gets another version of the
   * package, or the daemon stops, with what `setup` got: closes what that opened. It has a part of a second when the
   * policy is deleted and a few seconds otherwise; its process is ended after that. May still `ingest`, unless the policy
   * was deleted. Not called when the process dies.
   */
  teardown?(policy: PolicyOf<ConfigSchema, ScopeSchema>, context: PolicyContext): void | Promise<void>;
}

type PolicyOf<ConfigSchema extends StandardSchemaV1, ScopeSchema extends StandardSchemaV1> = PolicyInput<
  StandardSchemaV1.InferOutput<ConfigSchema>,
  StandardSchemaV1.InferOutput<ScopeSchema>
>;

/** Types a backend; adds nothing. */
export function defineBackend<ConfigSchema extends StandardSchemaV1, ScopeSchema extends StandardSchemaV1>(
  backend: Backend<ConfigSchema, ScopeSchema>,
): Backend<ConfigSchema, ScopeSchema> {
  return backend;
}
