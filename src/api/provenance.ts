import type { IncomingHttpHeaders } from 'node:http';
import type { Provenance } from '../policy/contract.ts';

/** What a request tells of its sender. */
interface Caller {
  /** Whether it showed a token or a certificate that the API knows. */
  readonly isAuthenticated: boolean;
  readonly socket: { readonly remoteAddress?: string | undefined };
  readonly headers: IncomingHttpHeaders;
}

/**
 * Where a request came from: it decides which `${NAME}` of its policies may be expanded (design: trust).
 *
 * No CORS header is ever sent, so a page of another site cannot post a policy: its content type needs a
 * preflight, and that gets a 405. A page that made its own name resolve to 127.0.0.1 needs no preflight, and a
 * proxy on this machine speaks for strangers: both come over loopback, and both are strangers here.
 */
export function provenanceOf({ isAuthenticated, socket, headers }: Caller): Provenance {
  if (isAuthenticated) return 'authenticated';
  const { remoteAddress } = socket;
  return isLoopback(remoteAddress) && !speaksForAnother(headers) ? 'loopback' : 'network';
}

/** True for 127.0.0.0/8, also as IPv6 writes it, and ::1. */
export function isLoopback(address: string | undefined): boolean {
  return address === '::1' || /^(::ffff:)?127\.\d+\.\d+\.\d+$/.test(address ?? '');
}

/** What only proxies add. */
const proxyHeaders = ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'];

function speaksForAnother(headers: IncomingHttpHeaders): boolean {
  return proxyHeaders.some((name) => headers[name] !== undefined) || !isLocalOrigin(headers.origin);
}

/** Browsers alone send an origin, with every POST. */
function isLocalOrigin(origin: string | undefined): boolean {
  if (origin === undefined) return true;
  const name = URL.parse(origin)?.hostname;
  return name === 'localhost' || name === '[::1]' || isLoopback(name);
}
