/** What a variable of the daemon's own starts with: its sink's credentials and its flags. */
const OWN_PREFIXES = ['DIODE_', 'ORB_WORKER_'];

/** Where the keys of a collector of the daemon's metrics are. */
const KEYS_OF_COLLECTORS = /^OTEL_EXPORTER_OTLP_(?:METRICS_)?HEADERS$/;

/** What systemd says to the daemon alone: a child that knew it could speak for the daemon (sd_notify(3)). */
const FROM_SYSTEMD = ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID'];

/**
 * What backends inherit of the daemon's environment: all of it, proxy variables too, less what holds the daemon's
 * own secrets (design: backends), and less what is between the daemon and systemd.
 *
 * @param secretVariables the variables that flags named by `${NAME}`.
 */
export function childEnvironment(
  env: NodeJS.ProcessEnv,
  secretVariables: readonly string[],
): NodeJS.ProcessEnv {
  const own = new Set([...FROM_SYSTEMD, ...secretVariables]);
  const isOwn = (name: string): boolean =>
    own.has(name) || KEYS_OF_COLLECTORS.test(name) || OWN_PREFIXES.some((prefix) => name.startsWith(prefix));
  return Object.fromEntries(Object.entries(env).filter(([name]) => !isOwn(name)));
}
