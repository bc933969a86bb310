import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

interface Latest {
  readonly request: IncomingMessage;
  readonly reply: ServerResponse;
  readonly before: ServerResponse | undefined;
}

/** Knows of each connection what is still to be said before an answer to what comes next. */
export class LatestReplies {
  readonly #latest = new WeakMap<Socket, Latest>();

  /** Call it for each request when it begins. */
  note(request: IncomingMessage, reply: ServerResponse): void {
    const before = this.#latest.get(request.socket)?.reply;
    this.#latest.set(request.socket, { request, reply, before });
  }

  /** The reply to the last request that has come whole; one after it may be the one that is broken. */
  before(socket: Socket): ServerResponse | undefined {
    const latest = this.#latest.get(socket);
    return latest?.request.complete === false ? latest.before : latest?.reply;
  }
}
