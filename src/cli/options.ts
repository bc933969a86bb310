import { apiTokens } from './api-token.ts';
import {
  choice,
  duration,
  hostName,
  integer,
  list,
  lockFile,
  type OptionKind,
  reference,
  text,
  toggle,
} from './option-kinds.ts';

/** The longest period that a timer takes, in seconds. */
const LONGEST_PERIOD = 2_147_483;

const declared = {
  host: hostName({
    short: 's',
    placeholder: 'HOST',
    help: 'Address to listen on',
    fallback: '127.0.0.1',
  }),
  port: integer({
    short: 'p',
    placeholder: 'PORT',
    help: 'Port to listen on; 0: a free one, shown in the log',
    fallback: 8071,
    min: 0,
    max: 65_535,
  }),
  diodeTarget: reference({
    short: 't',
    placeholder: 'URL',
    help: 'Where Diode is: grpc://, grpcs://, http:// or https://, host, port, path; ${NAME} is read from the environment',
  }),
  diodeClientId: reference({
    short: 'c',
    placeholder: 'ID',
    help: 'OAuth2 client id; without one entities go out as OTLP logs; ${NAME} as above',
    credential: true,
  }),
  diodeClientSecret: reference({
    short: 'k',
    placeholder: 'SECRET',
    help: 'OAuth2 client secret; ${NAME} as above',
    credential: true,
  }),
  diodeAppNamePrefix: text({
    short: 'a',
    placeholder: 'PREFIX',
    help: 'Producers are named PREFIX/app_name',
    fallback: undefined,
  }),
  dryRun: toggle({ short: 'd', help: 'Send nothing: write entities as JSON' }),
  dryRunOutputDir: reference({
    short: 'o',
    placeholder: 'DIR',
    help: 'Where a dry run writes its files; ${NAME} as above',
    shownDefault: 'stdout',
  }),
  otelEndpoint: text({
    placeholder: 'ENDPOINT',
    help: 'Export metrics there over OTLP/gRPC: grpc:// or http:// plain, else TLS',
    fallback: undefined,
  }),
  otelExportPeriod: integer({
    placeholder: 'SECONDS',
    help: 'Time between two exports of metrics',
    fallback: 60,
    min: 0,
    max: LONGEST_PERIOD,
  }),
  debug: toggle({ help: 'Log DEBUG lines too' }),
  logLevel: choice({
    placeholder: 'LEVEL',
    help: 'Least level to log: debug, info, warn or error',
    choices: ['debug', 'info', 'warn', 'error'],
    fallback: 'info',
  }),
  logFormat: choice({
    placeholder: 'FORMAT',
    help: 'auto (pretty on a terminal, else text), pretty, text or json',
    choices: ['auto', 'pretty', 'text', 'json'],
    fallback: 'auto',
  }),
  bundlesRoot: text({
    placeholder: 'DIR',
    help: 'Look for backend packages here first: DIR/NAME/current is a link to a version; BUNDLES_ROOT_PATH is read, too',
    fallback: undefined,
  }),
  backendsDir: list({
    placeholder: 'DIR',
    help: 'Look for backend packages here next; may be repeated, the variable is split at colons',
  }),
  concurrency: integer({
    placeholder: 'N',
    help: 'Most runs at work at once',
    fallback: Number.POSITIVE_INFINITY,
    shownDefault: 'unlimited',
    min: 1,
  }),
  runTimeout: duration({
    placeholder: 'DURATION',
    help: 'Longest time of a run whose policy names none, such as 90s, 5m or 1h30m',
    fallback: undefined,
    shownDefault: 'none',
    minMs: 1,
  }),
  stopTimeout: duration({
    placeholder: 'DURATION',
    help: 'Longest time from SIGTERM to the end',
    fallback: 2_000,
    shownDefault: '2s',
    minMs: 0,
  }),
  backendMemory: integer({
    placeholder: 'MIB',
    help: 'Heap limit of each backend process in MiB',
    fallback: 512,
    min: 16,
    max: 1_048_576,
  }),
  allowEnv: list({
    placeholder: 'PATTERN',
    help: 'Names that policies from the network may expand with ${NAME}, * for any part; may be repeated, the variable is split at colons',
  }),
  apiToken: apiTokens({
    placeholder: 'TOKEN',
    help: 'Refuse requests without this bearer token: itself, ${NAME}, or file:PATH with a token a line, read again when it changes; may be repeated',
  }),
  apiReadToken: apiTokens({
    placeholder: 'TOKEN',
    help: 'The same, for a token that may only look (GET)',
  }),
  tlsCert: lockFile({
    placeholder: 'FILE',
    help: 'Speak HTTPS with this certificate (PEM, its chain behind it); renewed files are read again',
  }),
  tlsKey: lockFile({ placeholder: 'FILE', help: 'The private key of that certificate (PEM)' }),
  tlsClientCa: lockFile({
    placeholder: 'FILE',
    help: 'Let clients in that show a certificate of one of these authorities (PEM), as well as those with a token',
  }),
  dataDir: text({
    placeholder: 'DIR',
    help: 'Keep policies, runs and what is not delivered yet in this directory, for one daemon alone; without it they are gone when the daemon ends',
    fallback: undefined,
  }),
  historyRuns: integer({
    placeholder: 'N',
    help: 'Runs to keep of each policy in the data directory',
    fallback: 100,
    min: 5,
    max: 1_000_000,
  }),
  historyAge: duration({
    placeholder: 'DURATION',
    help: 'How long to keep them, such as 12h or 30d',
    fallback: 30 * 86_400_000,
    shownDefault: '30d',
    minMs: 1,
  }),
  dataMaxBytes: integer({
    placeholder: 'BYTES',
    help: 'Most that the data directory may take: history gives way first, then backends wait',
    fallback: 4_294_967_296,
    min: 67_108_864,
  }),
};

/** What each option is once it is read. */
export type OptionValues = {
  [Key in keyof typeof declared]: (typeof declared)[Key] extends OptionKind<infer Value> ? Value : never;
};

/**
 * Every option. The key is the flag's name in camel case (`diodeTarget`: `--diode-target`), its variable
 * `ORB_WORKER_DIODE_TARGET`. In upstream's order, which an ambiguous shortening shows; ours after it.
 */
export const OPTIONS: { readonly [Key in keyof OptionValues]: OptionKind<OptionValues[Key]> } = declared;

/** The same as pairs. */
export function allOptions(): readonly [key: string, kind: OptionKind<unknown>][] {
  return Object.entries<OptionKind<unknown>>(OPTIONS);
}

/** `diodeTarget`: `--diode-target`. */
export function flagOf(key: string): string {
  return `--${words(key).join('-')}`;
}

/** `diodeTarget`: `ORB_WORKER_DIODE_TARGET`. */
export function variableOf(key: string): string {
  return `ORB_WORKER_${words(key).join('_').toUpperCase()}`;
}

/** As upstream names an option in its errors: `-t/--diode-target`. */
export function shownName(key: string, { short }: Pick<OptionKind<unknown>, 'short'>): string {
  return short === undefined ? flagOf(key) : `-${short}/${flagOf(key)}`;
}

function words(key: string): string[] {
  return key.split(/(?=[A-Z])/).map((word) => word.toLowerCase());
}
