import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../clock.ts';

/** How long a client may take to read why its connection is closed. */
const LINGER_MS = 1_000;

/** Says why what came is no HTTP request, or did not become one in time, and closes the connection. */
export function answerBrokenRequest(clock: Clock, code: string | undefined, socket: Socket): void {
  if (code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  socket.end(rawReply(code));
  const timer = clock.after(LINGER_MS, () => socket.destroy());
  socket.once('close', () => timer.cancel());
}

function rawReply(code: string | undefined): string {
  const [statusCode, detail] = reasonOf(code);
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

function reasonOf(code: string | undefined): [statusCode: number, detail: string] {
  if (code === 'HPE_HEADER_OVERFLOW') return [431, 'path and headers are larger than 128 KiB'];
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return [408, 'the request did not arrive in time'];
  return [400, 'this is not a valid HTTP request'];
}
