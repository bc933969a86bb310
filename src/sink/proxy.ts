import type { Target } from './target.ts';

/** A proxy that is asked to CONNECT. */
export interface ConnectProxy {
  readonly host: string;
  readonly port: number;
  /** `user:password`, undefined without. */
  readonly credentials: string | undefined;
}

/** Longer ones cannot be host names. */
const LONGEST_ENTRY = 256;
const LOCAL_HOSTS: readonly string[] = ['localhost', '127.0.0.1', '::1'];

/**
 * The proxy that the environment names for this target, undefined for none. A secure target looks at HTTPS_PROXY, then
 * HTTP_PROXY, a plain one at HTTP_PROXY; upper case wins over lower case. (sheet: Environment)
 * Throws an `Error` that names the variable when its value is no `http://` URL, without showing it.
 */
export function proxyFor(target: Target, env: NodeJS.ProcessEnv): ConnectProxy | undefined {
  if (bypassesProxy(target.host, env)) return undefined;
  const names = target.secure ? ['HTTPS_PROXY', 'HTTP_PROXY'] : ['HTTP_PROXY'];
  for (const name of names) {
    const value = eitherCase(env, name);
    if (value !== undefined) return parseProxy(name, value);
  }
  return undefined;
}

function parseProxy(name: string, value: string): ConnectProxy {
  const url = URL.parse(value);
  const credentials = url === null ? undefined : decodeCredentials(url);
  if (url?.protocol !== 'http:' || credentials === undefined) {
    throw new Error(`${name} should be a proxy's URL, http://[USER:PASSWORD@]HOST[:PORT]`);
  }
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(url.port || 80),
    credentials: credentials === ':' ? undefined : credentials,
  };
}

/** `USER:PASSWORD`; undefined when they are badly escaped. */
function decodeCredentials(url: URL): string | undefined {
  try {
    return `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  } catch {
    return undefined;
  }
}

function bypassesProxy(targetHost: string, env: NodeJS.ProcessEnv): boolean {
  const host = targetHost.toLowerCase();
  if (LOCAL_HOSTS.includes(host)) return true;
  const entries = (eitherCase(env, 'NO_PROXY') ?? '').split(',');
  return entries
    .map((entry) => entry.trim().toLowerCase())
    .some((entry) => entry !== '' && entry.length <= LONGEST_ENTRY && excludes(entry, host));
}

/** `x.org` stands for itself and what is below it, `.x.org` and `*.x.org` only for what is below. */
function excludes(entry: string, host: string): boolean {
  if (entry === '*' || entry === host) return true;
  return host.endsWith(`.${entry.replace(/^\*?\./, '')}`);
}

function eitherCase(env: NodeJS.ProcessEnv, name: string): string | undefined {
  return env[name] || env[name.toLowerCase()] || undefined;
}
