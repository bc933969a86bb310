import type { FastifyReply, FastifyRequest } from 'fastify';
import type { RouteTable } from './route-table.ts';
import { pathOf } from './url.ts';

/** The answer to what no route took: wrong method, trailing slash, or nothing of ours (sheet: REST). */
export function answerUnmatched(routes: RouteTable, request: FastifyRequest, reply: FastifyReply): void {
  const path = pathOf(request.url);
  const route = routes.find(path);
  if (route) {
    reply.code(405).header('allow', route.methods.join(', ')).send({ detail: 'Method Not Allowed' });
    return;
  }
  const shorter = withoutTrailingSlashes(path);
  if (shorter !== path && routes.find(shorter)) {
    const query = request.url.slice(path.length);
    reply
      .code(307)
      .header('location', `${request.protocol}://${authorityOf(request)}${shorter}${query}`)
      .send();
    return;
  }
  reply.code(404).send({ detail: 'Not Found' });
}

/** A pattern would take the square of the time on many slashes. */
function withoutTrailingSlashes(path: string): string {
  let end = path.length;
  while (path[end - 1] === '/') end -= 1;
  return path.slice(0, end);
}

/** Whom the client believes to talk to, where that can stand in a URL; else the address that it reached. */
function authorityOf({ host, socket }: FastifyRequest): string {
  if (/^[\w.~-]+(:\d+)?$|^\[[\da-fA-F:.]+\](:\d+)?$/.test(host)) return host;
  const { localAddress = '127.0.0.1', localPort } = socket;
  return localAddress.includes(':') ? `[${localAddress}]:${localPort}` : `${localAddress}:${localPort}`;
}
