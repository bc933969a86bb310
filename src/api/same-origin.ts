import type { FastifyReply, FastifyRequest } from 'fastify';

/**
 * Refuses what a page of another site has a browser send. Every other request that changes something is safe from
 * such pages: its method or content type makes the browser ask first, and that question gets a 405. One without a body
 * is sent unasked.
 */
export function refuseOtherSites(request: FastifyRequest, reply: FastifyReply, done: () => void): void {
  if (comesFromHere(request)) done();
  else reply.code(403).send({ detail: 'a page of another site may not ask for this' });
}

/** Browsers alone say where the page comes from. */
function comesFromHere({ headers, host }: FastifyRequest): boolean {
  const { origin, 'sec-fetch-site': site } = headers;
  if (site !== undefined) return site === 'same-origin' || site === 'none';
  return origin === undefined || URL.parse(origin)?.host === host;
}
