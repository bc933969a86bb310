import type { IncomingHttpHeaders } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Clock } from '../../clock.ts';
import type { ServerTls } from './server-tls.ts';

/** What a connection's client showed of itself when the connection was made. */
interface Shown {
  /** Why it counts for nothing; undefined: it is good. */
  readonly fault: string | undefined;
  /** Epoch ms. */
  readonly validUntil: number;
  /** Which of the clients' authorities it was checked with. */
  readonly authorities: number;
}

/** Looks at the certificates that clients show. */
export class ClientCertificates {
  readonly #tls: ServerTls;
  readonly #clock: Clock;
  /** Of connections that are open: the authorities that their handshake began with. */
  readonly #began = new Map<string, number>();
  readonly #shown = new WeakMap<Socket, Shown>();

  constructor(tls: ServerTls, clock: Clock) {
    this.#tls = tls;
    this.#clock = clock;
  }

  /** Notes what the server's connections show. */
  watch(server: HttpsServer): void {
    server.on('connection', (socket: Socket) => {
      const peer = peerOf(socket);
      this.#began.set(peer, this.#tls.authorities);
      socket.once('close', () => this.#began.delete(peer));
    });
    server.on('secureConnection', (socket) => this.#note(socket));
  }

  /**
   * `good`, `none`, or why the certificate does not count. A connection may outlive its certificate and the
   * authorities that it was checked with, so every request asks anew.
   */
  stateOf(socket: Socket, headers: IncomingHttpHeaders): 'good' | 'none' | { readonly fault: string } {
    const shown = this.#shown.get(socket);
    if (shown === undefined) return 'none';
    if (shown.fault !== undefined) return { fault: shown.fault };
    if (this.#clock.now() >= shown.validUntil) return { fault: 'it has expired' };
    if (shown.authorities !== this.#tls.authorities) {
      return { fault: 'the authorities have changed since this connection was made' };
    }
    // A browser shows it for any page that asks, of whatever site.
    return isOwnOrigin(headers) ? 'good' : { fault: 'a page of another site asks' };
  }

  #note(socket: TLSSocket): void {
    const certificate = socket.getPeerX509Certificate();
    if (certificate === undefined) return;
    this.#shown.set(socket, {
      fault: socket.authorized ? undefined : String(socket.authorizationError),
      validUntil: certificate.validToDate.getTime(),
      authorities: this.#began.get(peerOf(socket)) ?? -1,
    });
  }
}

function peerOf({ remoteAddress, remotePort, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localPort}`;
}

/** Only browsers send an origin. */
function isOwnOrigin({ origin, host }: IncomingHttpHeaders): boolean {
  return origin === undefined || URL.parse(origin)?.host === host;
}
