import { type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../clock.ts';

/** Header fields of a request that are read. */
export const HEADER_FIELDS = 1_000;

export const TOO_MUCH_HEAD = {
  statusCode: 431,
  detail: 'path and headers are larger than 128 KiB, or have more than 1,000 fields',
};

/** How long a client may take to read why its connection is closed. */
const LINGER_MS = 1_000;

/**
 * Says why what came is no HTTP request, or did not become one in time, and closes the connection.
 *
 * @param before the reply to the last request that came before it: replies go out in the order of their requests.
 */
export function answerBrokenRequest(
  clock: Clock,
  code: string | undefined,
  socket: Socket,
  before?: ServerResponse,
): void {
  if (code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  if (before !== undefined && !before.closed) {
    before.once('close', () => answerBrokenRequest(clock, code, socket));
    return;
  }
  socket.end(rawReply(code));
  const timer = clock.after(LINGER_MS, () => socket.destroy());
  socket.once('close', () => timer.cancel());
}

function rawReply(code: string | undefined): string {
  const { statusCode, detail } = reasonOf(code);
  const body = JSON.stringify({ detail });
  return [
    `HTTP/1.1 ${statusCode} ${STATUS_CODES[statusCode]}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
    '',
    body,
  ].join('\r\n');
}

function reasonOf(code: string | undefined): { readonly statusCode: number; readonly detail: string } {
  if (code === 'HPE_HEADER_OVERFLOW') return TOO_MUCH_HEAD;
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return { statusCode: 408, detail: 'the request did not arrive in time' };
  }
  return { statusCode: 400, detail: 'this is not a valid HTTP request' };
}
