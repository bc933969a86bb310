import type { FastifyInstance } from 'fastify';
import { NotFoundError } from '../errors.ts';
import type { ApiParts } from './api-parts.ts';
import type { RunListReply, RunReply } from './replies.ts';
import { readRunQuery } from './run-query.ts';
import { runReplyOf } from './run-reply.ts';

/** `GET /api/v1/runs` and `GET /api/v1/runs/{id}`: the full truth about runs, newest first. */
export function serveRuns(app: FastifyInstance, { history }: ApiParts): void {
  app.get('/api/v1/runs', (request, reply) => {
    const { runs, nextCursor } = history.list(readRunQuery(request.query));
    reply.send({ runs: runs.map(runReplyOf), next_cursor: nextCursor ?? null } satisfies RunListReply);
  });
  app.get<{ Params: { id: string } }>('/api/v1/runs/:id', ({ params }, reply) => {
    const run = history.get(params.id);
    if (run === undefined) throw new NotFoundError(`run '${params.id}' not found`);
    reply.send(runReplyOf(run) satisfies RunReply);
  });
}
