import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Faults, type TokenFault } from './fake-diode-faults.ts';

/** What a token request carried. */
export interface ReceivedTokenRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly form: Record<string, string>;
  readonly body: string;
}

/** Gives a token to whoever asks, and knows its tokens again. */
export class TokenEndpoint {
  readonly faults = new Faults<TokenFault>();
  readonly requests: ReceivedTokenRequest[] = [];
  readonly #path: string;
  readonly #lifetimeSeconds: number;
  readonly #onRequest: () => void;
  readonly #valid = new Set<string>();
  #given = 0;

  /** @param onRequest is called when a request has been noted. */
  constructor(path: string, lifetimeSeconds: number, onRequest: () => void) {
    this.#path = path;
    this.#lifetimeSeconds = lifetimeSeconds;
    this.#onRequest = onRequest;
  }

  /** An HTTP server that does not listen: it is handed its connections. */
  createServer(): Server {
    return createServer((request, reply) => this.#onHttp(request, reply));
  }

  /** Whether `authorization` carries a token that was given and not revoked. */
  admits(authorization: string): boolean {
    return this.#valid.has(authorization.replace(/^Bearer /, ''));
  }

  revokeAll(): void {
    this.#valid.clear();
  }

  #onHttp(request: IncomingMessage, reply: ServerResponse): void {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('error', () => undefined);
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      this.requests.push({
        method: request.method ?? '',
        path: request.url ?? '',
        headers: request.headers,
        form: Object.fromEntries(new URLSearchParams(body)),
        body,
      });
      this.#answer(request, reply);
      this.#onRequest();
    });
  }

  #answer(request: IncomingMessage, reply: ServerResponse): void {
    const fault = this.faults.take();
    if (fault === 'hang') return;
    if (fault === 'disconnect') request.socket.destroy();
    else if (request.method !== 'POST' || request.url !== this.#path) reply.writeHead(404).end();
    else if (fault !== undefined) reply.writeHead(fault.status, fault.headers).end(fault.body ?? '');
    else reply.writeHead(200, { 'content-type': 'application/json' }).end(this.#newToken());
  }

  #newToken(): string {
    this.#given += 1;
    const token = `token-${this.#given}`;
    this.#valid.add(token);
    return JSON.stringify({ access_token: token, token_type: 'bearer', expires_in: this.#lifetimeSeconds });
  }
}
