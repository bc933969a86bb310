import type { FastifyInstance } from 'fastify';
import { ConflictError, NotFoundError } from '../errors.ts';
import type { Run } from '../run/run.ts';
import type { ApiParts } from './api-parts.ts';
import { ignoreBody } from './content.ts';
import { queries } from './queries.ts';
import type { RunListReply } from './replies.ts';
import { fullRunReplyOf, runLogReplyOf, runReplyOf, sendAccepted } from './run-reply.ts';
import { refuseOtherSites } from './same-origin.ts';

const CANCELLED = 'cancelled on request';

interface ById {
  readonly Params: { readonly id: string };
}

/** The full truth about runs, and what may be done to one. */
export function serveRuns(app: FastifyInstance, { history, cancelRun }: ApiParts): void {
  const find = async (id: string): Promise<Readonly<Run>> => {
    const run = await history.get(id);
    if (run === undefined) throw new NotFoundError(`run '${id}' not found`);
    return run;
  };

  app.get('/api/v1/runs', async (request, reply) => {
    const { readRunQuery } = await queries();
    const { runs, nextCursor } = await history.list(readRunQuery(request.query));
    return reply.send({ runs: runs.map(runReplyOf), next_cursor: nextCursor ?? null } satisfies RunListReply);
  });

  app.get<ById>('/api/v1/runs/:id', async ({ params }, reply) => {
    return reply.send(await fullRunReplyOf(await find(params.id), history));
  });

  app.get<ById>('/api/v1/runs/:id/log', async ({ params }, reply) => {
    const { id } = await find(params.id);
    return reply.send(runLogReplyOf(await history.log(id)));
  });

  app.post<ById>(
    '/api/v1/runs/:id/cancel',
    { onRequest: [refuseOtherSites, ignoreBody] },
    async ({ params }, reply) => {
      const { id, status } = await find(params.id);
      const run = cancelRun(id, CANCELLED);
      if (run === undefined) throw new ConflictError(`run '${id}' has ended: it is ${status}`);
      return await sendAccepted(reply, run, history);
    },
  );
}
