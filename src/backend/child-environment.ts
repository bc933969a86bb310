/** What a variable of the daemon's own starts with: its sink's credentials and its flags. */
const OWN_PREFIXES = ['DIODE_', 'ORB_WORKER_'];

/**
 * What backends inherit of the daemon's environment: all of it, proxy variables too, less what holds the daemon's
 * own secrets (design: backends).
 *
 * @param secretVariables the variables that flags named by `${NAME}`.
 */
export function childEnvironment(
  env: NodeJS.ProcessEnv,
  secretVariables: readonly string[],
): NodeJS.ProcessEnv {
  const secret = new Set(secretVariables);
  const isOwn = (name: string): boolean =>
    secret.has(name) || OWN_PREFIXES.some((prefix) => name.startsWith(prefix));
  return Object.fromEntries(Object.entries(env).filter(([name]) => !isOwn(name)));
}
