import type { FastifyInstance } from 'fastify';
import type { ApiParts } from './api-parts.ts';
import type { ReadinessReply } from './replies.ts';

/** `GET /healthz`: the event loop turns. `GET /readyz`: work is accepted (design: trust). */
export function serveHealth(app: FastifyInstance, { readiness }: ApiParts): void {
  app.get('/healthz', (_request, reply) => {
    reply.send({ status: 'ok' });
  });
  app.get('/readyz', (_request, reply) => {
    const { statusCode, status, reasons } = readiness();
    reply.code(statusCode).send({ status, reasons } satisfies ReadinessReply);
  });
}
