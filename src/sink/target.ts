import { StartError } from '../errors.ts';

/** Where a receiver is: what `--diode-target` says, taken apart. */
export interface Target {
  /** TLS or plaintext. */
  readonly secure: boolean;
  /** A name, or an address without brackets. */
  readonly host: string;
  readonly port: number;
  /** What stands before every route: `''`, or `/a/b` without a slash at its end. */
  readonly path: string;
}

const SCHEME = /^(grpcs?|https?):\/\//i;
/** The URL parser drops or turns some of these without a word. */
const NEVER_IN_A_TARGET = /[\s\\\p{Cc}]/u;

/**
 * Reads `grpc://`, `grpcs://`, `http://` or `https://`, a host, optionally a port (else 80, or 443 with TLS) and a path.
 * Throws {@link StartError} with exit status 1; the text never shows a user or password. (sheet: Command line)
 */
export function parseTarget(text: string): Target {
  const scheme = SCHEME.exec(text)?.[1]?.toLowerCase();
  if (scheme === undefined) {
    throw refusal('target should start with grpc://, grpcs://, http:// or https://');
  }
  const secure = scheme === 'grpcs' || scheme === 'https';
  const rest = text.slice(scheme.length + '://'.length);
  const url = parseUrl(`${secure ? 'https' : 'http'}://${rest}`, rest);
  return {
    secure,
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: portOf(url, secure),
    // Looked at from its first slash only: else a line of slashes would take the square of the time.
    path: url.pathname.replace(/(?<!\/)\/+$/, ''),
  };
}

/** `HOST:PORT`, an IPv6 address in brackets. */
export function authorityOf({ host, port }: Pick<Target, 'host' | 'port'>): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** The target as a person would write it, for log and errors. */
export function describeTarget(target: Target): string {
  return `${target.secure ? 'grpcs' : 'grpc'}://${authorityOf(target)}${target.path}`;
}

function parseUrl(text: string, rest: string): URL {
  if (rest.split('/', 1)[0]?.includes('@')) throw refusal('target should not carry a user or a password');
  if (NEVER_IN_A_TARGET.test(rest)) throw refusal('target should not contain blanks or backslashes');
  if (rest === '' || /^[/?#]/.test(rest)) throw refusal('target should name a host after its scheme');
  if (/[?#]/.test(rest)) throw refusal('target should end with its path: ? and # have no place in it');
  const url = URL.parse(text);
  if (url === null)
    throw refusal(
      'target should be a host (an IPv6 address in brackets), optionally :PORT (1 to 65535) and /PATH, after its scheme',
    );
  return url;
}

function portOf(url: URL, secure: boolean): number {
  if (url.port === '0') throw refusal('target should have a port from 1 to 65535');
  if (url.port !== '') return Number(url.port);
  return secure ? 443 : 80;
}

function refusal(why: string): StartError {
  return new StartError(1, `Unable to connect to Diode Server: ${why}`);
}
