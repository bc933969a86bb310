import type { FastifyInstance } from 'fastify';
import { ConflictError, NotFoundError } from '../errors.ts';
import type { Run } from '../run/run.ts';
import type { ApiParts } from './api-parts.ts';
import { ignoreBody } from './content.ts';
import type { RunListReply } from './replies.ts';
import { readRunQuery } from './run-query.ts';
import { fullRunReplyOf, runLogReplyOf, runReplyOf, sendAccepted } from './run-reply.ts';
import { refuseOtherSites } from './same-origin.ts';

const CANCELLED = 'cancelled on request';

interface ById {
  readonly Params: { readonly id: string };
}

/** The full truth about runs, and what may be done to one. */
export function serveRuns(app: FastifyInstance, { history, cancelRun }: ApiParts): void {
  const find = (id: string): Readonly<Run> => {
    const run = history.get(id);
    if (run === undefined) throw new NotFoundError(`run '${id}' not found`);
    return run;
  };

  app.get('/api/v1/runs', (request, reply) => {
    const { runs, nextCursor } = history.list(readRunQuery(request.query));
    reply.send({ runs: runs.map(runReplyOf), next_cursor: nextCursor ?? null } satisfies RunListReply);
  });

  app.get<ById>('/api/v1/runs/:id', ({ params }, reply) => {
    reply.send(fullRunReplyOf(find(params.id), history));
  });

  app.get<ById>('/api/v1/runs/:id/log', ({ params }, reply) => {
    reply.send(runLogReplyOf(history.log(find(params.id).id)));
  });

  app.post<ById>(
    '/api/v1/runs/:id/cancel',
    { onRequest: [refuseOtherSites, ignoreBody] },
    ({ params }, reply) => {
      const { id, status } = find(params.id);
      const run = cancelRun(id, CANCELLED);
      if (run === undefined) throw new ConflictError(`run '${id}' has ended: it is ${status}`);
      sendAccepted(reply, run, history);
    },
  );
}
