/** Of a line, and the least one that is logged. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogFormat = 'auto' | 'pretty' | 'text' | 'json';

/** A token of the API, or the file that holds some. */
export type ApiTokenOption =
  | { readonly kind: 'text'; readonly token: string }
  | { readonly kind: 'file'; readonly path: string };

/** What a daemon is started with, checked and expanded: what `cli/options.ts` makes of flags and environment. */
export interface DaemonOptions {
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
  readonly diodeTarget: string | undefined;
  /** Both or neither. */
  readonly diodeClientId: string | undefined;
  readonly diodeClientSecret: string | undefined;
  readonly diodeAppNamePrefix: string | undefined;
  readonly dryRun: boolean;
  /** undefined in a dry run: JSON on stdout. */
  readonly dryRunOutputDir: string | undefined;
  readonly otelEndpoint: string | undefined;
  /** 0: no metrics, said in the log. */
  readonly otelExportPeriodSeconds: number;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
  /** Holds a folder for each bundle, and need not exist yet. */
  readonly bundlesRoot: string | undefined;
  readonly backendsDirs: readonly string[];
  /** Runs at work at once; Infinity: no limit. */
  readonly concurrency: number;
  readonly runTimeoutMs: number | undefined;
  readonly stopTimeoutMs: number;
  /** Heap limit of each backend process. */
  readonly backendMemoryMiB: number;
  /** Patterns of names that policies from the network may expand; `*` matches any run of characters. */
  readonly allowEnv: readonly string[];
  /** They may do everything. Without tokens and client CA the API is open. */
  readonly apiTokens: readonly ApiTokenOption[];
  /** They may GET. */
  readonly apiReadTokens: readonly ApiTokenOption[];
  /** Path of a PEM file; with `tlsKey` or not at all. */
  readonly tlsCert: string | undefined;
  readonly tlsKey: string | undefined;
  /** Only with the other two. */
  readonly tlsClientCa: string | undefined;
  /** Where what must outlive the daemon is kept; undefined: nowhere, and the three below have no effect. */
  readonly dataDir: string | undefined;
  /** Runs that are kept of each policy. */
  readonly historyRuns: number;
  /** How long runs are kept. */
  readonly historyAgeMs: number;
  /** What the data directory may take. */
  readonly dataMaxBytes: number;
  /** Variables that flags named by `${NAME}`: they hold the daemon's own secrets, and no child inherits them. */
  readonly secretVariables: readonly string[];
}
