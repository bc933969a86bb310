import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { isIP, type Socket } from 'node:net';
import tls from 'node:tls';
import type { Clock } from '../../clock.ts';
import { messageOf } from '../../errors.ts';
import type { Route } from '../route.ts';
import { authorityOf } from '../target.ts';
import { unlessAborted } from '../unless-aborted.ts';

export interface HttpPost {
  readonly route: Route;
  /** With a slash at its start. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly deadlineMs: number;
  readonly largestReply: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

export interface HttpReply {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

/**
 * One POST on a connection of its own, through the route's proxy where there is one. Follows no redirect. Rejects with
 * an `Error` that says why there is no reply: no connection, too late, too long, given up. It never holds the body.
 */
export async function httpPost(post: HttpPost): Promise<HttpReply> {
  const stopping = new AbortController();
  const deadline = post.clock.after(post.deadlineMs, () => {
    stopping.abort(new Error(`no answer within ${post.deadlineMs / 1000} s`));
  });
  const signal = AbortSignal.any([post.signal, stopping.signal]);
  try {
    const socket = post.route.proxy === undefined ? undefined : await openTunnel(post.route, signal);
    return await unlessAborted(exchange(post, socket, signal), signal);
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  } finally {
    deadline.cancel();
  }
}

function exchange(post: HttpPost, tunnel: Socket | undefined, signal: AbortSignal): Promise<HttpReply> {
  const { target, tls: settings } = post.route;
  const options: https.RequestOptions = {
    method: 'POST',
    host: target.host,
    port: target.port,
    path: post.path,
    headers: { ...post.headers, 'content-length': Buffer.byteLength(post.body) },
    signal,
    ...(settings ?? {}),
    // Node overlooks `createConnection` where there is an agent, even none.
    ...(tunnel === undefined ? { agent: false } : { createConnection: () => secured(tunnel, post.route) }),
  };
  return new Promise((resolve, reject) => {
    const request = settings === undefined ? http.request(options) : https.request(options);
    request.on('error', reject);
    // Node would close the connection without a word.
    request.on('upgrade', (_reply, socket) => {
      socket.destroy();
      reject(new Error('the endpoint wants to speak another protocol (101)'));
    });
    request.on('response', (reply) => {
      readBounded(reply, post.largestReply).then(
        (body) => resolve({ status: reply.statusCode ?? 0, headers: reply.headers, body }),
        (error) => {
          request.destroy();
          reject(error);
        },
      );
    });
    request.end(post.body);
  });
}

async function readBounded(reply: IncomingMessage, largest: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of reply) {
    length += chunk.length;
    if (length > largest) throw new Error(`the reply is longer than ${largest} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Asks the proxy for a connection to the target. */
function openTunnel({ target, proxy }: Route, signal: AbortSignal): Promise<Socket> {
  const authority = authorityOf(target);
  return new Promise((resolve, reject) => {
    const request = http.request({
      method: 'CONNECT',
      host: proxy?.host,
      port: proxy?.port,
      path: authority,
      headers: { host: authority, ...authorizationFor(proxy?.credentials) },
      agent: false,
      signal,
    });
    request.on('error', (error) => reject(new Error(`proxy: ${messageOf(error)}`)));
    request.on('connect', (reply, socket) => {
      if (reply.statusCode === 200) return resolve(socket);
      socket.destroy();
      reject(new Error(`the proxy refused to connect to ${authority} (${reply.statusCode})`));
    });
    request.end();
  });
}

function authorizationFor(credentials: string | undefined): Record<string, string> {
  if (credentials === undefined) return {};
  return { 'proxy-authorization': `Basic ${Buffer.from(credentials).toString('base64')}` };
}

function secured(tunnel: Socket, { target, tls: settings }: Route): Socket {
  if (settings === undefined) return tunnel;
  // TLS knows names only as server names; an address is verified all the same.
  const servername = isIP(target.host) === 0 ? target.host : '';
  return tls.connect({ ...settings, socket: tunnel, host: target.host, servername });
}
