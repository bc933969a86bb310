import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { UnavailableError } from '../errors.ts';
import type { ApiParts } from './api-parts.ts';

/** Prometheus' text format. */
const MEDIA_TYPE = 'text/plain; version=0.0.4; charset=utf-8';
/** Each may hold a text of its own, of many MiB, for as long as its reader takes. */
const MOST_AT_ONCE = 4;

/** `GET /metrics`, for Prometheus. The text is whole before its first byte is sent: a stop cannot halve it. */
export function serveMetrics(app: FastifyInstance, { scrape }: ApiParts): void {
  let underWay = 0;
  app.get('/metrics', async (_request, reply) => {
    if (underWay >= MOST_AT_ONCE) throw new UnavailableError('too many scrapes at once');
    underWay += 1;
    reply.raw.once('close', () => {
      underWay -= 1;
    });
    const pieces = await scrape();
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
    return reply
      .header('content-type', MEDIA_TYPE)
      .header('content-length', length)
      .send(Readable.from(pieces, { objectMode: false }));
  });
}
