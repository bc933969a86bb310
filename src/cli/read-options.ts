import type { DaemonOptions, LogLevel } from '../options.ts';
import { InvalidValue, type OptionKind, referencedVariable } from './option-kinds.ts';
import { OPTIONS, type OptionValues, shownName, variableOf } from './options.ts';
import { usageError } from './usage-error.ts';

/** What each flag was given, by its option's key: a value for each time it stood on the line, none for a toggle. */
export type GivenValues = ReadonlyMap<string, readonly string[]>;

/** Variables of this form are Kubernetes' own words about a service that is called `orb-worker`. */
const SERVICE_LINK = 'tcp://';

/** Options whose `${NAME}` names a secret of the daemon. */
const SECRET_REFERENCES = [
  'diodeTarget',
  'diodeClientId',
  'diodeClientSecret',
  'apiToken',
  'apiReadToken',
] as const;

/**
 * What the daemon is started with: for each option its flag, then its variable, then its default.
 * Throws a usage error for a variable that cannot be read, and for options that do not go together.
 */
export function readOptions(given: GivenValues, env: NodeJS.ProcessEnv): DaemonOptions {
  const take = <Key extends keyof OptionValues>(key: Key): OptionValues[Key] => takeOption(key, given, env);

  return checkTogether({
    host: take('host'),
    port: take('port'),
    diodeTarget: take('diodeTarget'),
    diodeClientId: take('diodeClientId'),
    diodeClientSecret: take('diodeClientSecret'),
    diodeAppNamePrefix: take('diodeAppNamePrefix'),
    dryRun: take('dryRun'),
    // The SDK's own variable counts too, after ours (sheet: Environment).
    dryRunOutputDir: take('dryRunOutputDir') ?? (env.DIODE_DRY_RUN_OUTPUT_DIR || undefined),
    otelEndpoint: take('otelEndpoint'),
    otelExportPeriodSeconds: take('otelExportPeriod'),
    logLevel: logLevel(given, take('debug'), take('logLevel')),
    logFormat: take('logFormat'),
    // Upstream's variable counts too, after ours (sheet: Environment).
    bundlesRoot: take('bundlesRoot') ?? (env.BUNDLES_ROOT_PATH || undefined),
    backendsDirs: take('backendsDir'),
    concurrency: take('concurrency'),
    runTimeoutMs: take('runTimeout'),
    stopTimeoutMs: take('stopTimeout'),
    backendMemoryMiB: take('backendMemory'),
    allowEnv: take('allowEnv'),
    apiTokens: take('apiToken'),
    apiReadTokens: take('apiReadToken'),
    tlsCert: take('tlsCert'),
    tlsKey: take('tlsKey'),
    tlsClientCa: take('tlsClientCa'),
    dataDir: take('dataDir'),
    historyRuns: take('historyRuns'),
    historyAgeMs: take('historyAge'),
    dataMaxBytes: take('dataMaxBytes'),
    secretVariables: secretVariables(given, env),
  });
}

/** An option by its flag, else its variable, else its default. Throws a usage error. */
export function takeOption<Key extends keyof OptionValues>(
  key: Key,
  given: GivenValues,
  env: NodeJS.ProcessEnv,
): OptionValues[Key] {
  const kind = OPTIONS[key];
  return fromFlag(kind, given.get(key), env) ?? fromVariable(kind, key, env) ?? kind.fallback;
}

function fromFlag<Value>(
  kind: OptionKind<Value>,
  given: readonly string[] | undefined,
  env: NodeJS.ProcessEnv,
): Value | undefined {
  return given === undefined ? undefined : kind.read(given, env);
}

function fromVariable<Value>(
  kind: OptionKind<Value>,
  key: string,
  env: NodeJS.ProcessEnv,
): Value | undefined {
  const text = kind.isNeverAbsent ? env[variableOf(key)] : variableText(key, env);
  if (text === undefined) return undefined;
  try {
    return kind.readVariable(text, env);
  } catch (error) {
    if (!(error instanceof InvalidValue)) throw error;
    throw usageError(`variable ${variableOf(key)} of ${shownName(key, kind)}: ${error.message}`);
  }
}

function variableText(key: string, env: NodeJS.ProcessEnv): string | undefined {
  const text = env[variableOf(key)];
  return text === undefined || text === '' || text.startsWith(SERVICE_LINK) ? undefined : text;
}

/** `--debug` is short for `--log-level debug`; as a variable it does not outweigh the flag `--log-level`. */
function logLevel(given: GivenValues, debug: boolean, level: LogLevel): LogLevel {
  const isOutweighed = !given.has('debug') && given.has('logLevel');
  return debug && !isOutweighed ? 'debug' : level;
}

/** Names that credentials and target were read from, by flag or variable. */
function secretVariables(given: GivenValues, env: NodeJS.ProcessEnv): readonly string[] {
  const texts = SECRET_REFERENCES.flatMap((key) => [...(given.get(key) ?? []), variableText(key, env) ?? '']);
  return [...new Set(texts.map(referencedVariable).filter((name) => name !== undefined))];
}

function checkTogether(options: DaemonOptions): DaemonOptions {
  if (!options.dryRun && options.diodeTarget === undefined) {
    throw usageError('--diode-target required when not running with --dry-run');
  }
  if (options.diodeClientId !== undefined && options.diodeClientSecret === undefined) {
    throw usageError('--diode-client-secret required with --diode-client-id');
  }
  if (options.diodeClientSecret !== undefined && options.diodeClientId === undefined) {
    throw usageError('--diode-client-id required with --diode-client-secret');
  }
  if (options.tlsCert !== undefined && options.tlsKey === undefined) {
    throw usageError('--tls-key required with --tls-cert');
  }
  if (options.tlsKey !== undefined && options.tlsCert === undefined) {
    throw usageError('--tls-cert required with --tls-key');
  }
  if (options.tlsClientCa !== undefined && options.tlsCert === undefined) {
    throw usageError('--tls-cert and --tls-key required with --tls-client-ca');
  }
  return options;
}
