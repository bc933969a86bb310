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

/** Writes lines that carry the policy and the run. */
export interface RunLog {
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

/** What a run may use of the daemon. */
export interface RunContext {
  readonly runId: string;
  /** The policy's name, without line breaks. */
  readonly policyName: string;
  /** Aborts when the run is cancelled, timed out, or the daemon stops; what is left after a grace period is cut off. */
  readonly signal: AbortSignal;
  readonly log: RunLog;
  /** Shows in the run how far it has come. */
  progress(done: number, total?: number): void;
}

type Entities = Iterable<Entity> | AsyncIterable<Entity>;

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
  run(
    policy: PolicyInput<
      StandardSchemaV1.InferOutput<ConfigSchema>,
      StandardSchemaV1.InferOutput<ScopeSchema>
    >,
    context: RunContext,
  ): Entities | Promise<Entities>;
}

/** Types a backend; adds nothing. */
export function defineBackend<ConfigSchema extends StandardSchemaV1, ScopeSchema extends StandardSchemaV1>(
  backend: Backend<ConfigSchema, ScopeSchema>,
): Backend<ConfigSchema, ScopeSchema> {
  return backend;
}
