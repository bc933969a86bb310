import type { FastifyInstance } from 'fastify';
import type { DeadLetter } from '../delivery/batch-store.ts';
import type { DeadLetters } from '../delivery/contract.ts';
import { BadRequestError, NotFoundError } from '../errors.ts';
import { madeLate } from '../load-late.ts';
import type { ApiParts } from './api-parts.ts';
import { ignoreBody } from './content.ts';
import type {
  DeadLetterListReply,
  DeadLetterReply,
  DroppedAllReply,
  RetriedAllReply,
  RetriedReply,
} from './delivery-replies.ts';
import { forEachLetter } from './each-letter.ts';
import { queries } from './queries.ts';
import type { DetailReply } from './replies.ts';
import { refuseOtherSites } from './same-origin.ts';

interface ById {
  readonly Params: { readonly id: string };
}

/** What the receiver refused for good, and what may be done with it: one by one, or all that a filter leaves. */
export function serveLetters(app: FastifyInstance, { delivery: { letters } }: ApiParts): void {
  const unasked = { onRequest: [refuseOtherSites, ignoreBody] };

  const openedText = madeLate(async () => (await import('./opened-letter.ts')).openedLetterText);

  app.get('/api/v1/dead-letters', async ({ query }, reply) => reply.send(await pageOf(letters, query)));

  app.delete('/api/v1/dead-letters', async ({ query }, reply) => {
    const filter = (await queries()).readLetterFilter(query);
    const dropped = await forEachLetter(letters, filter, (id) => letters.drop(id));
    return reply.send({ dropped } satisfies DroppedAllReply);
  });

  app.post('/api/v1/dead-letters/retry', unasked, async ({ query }, reply) => {
    const filter = (await queries()).readLetterFilter(query);
    const retried = await forEachLetter(
      letters,
      filter,
      async (id) => (await letters.retry(id)) !== undefined,
    );
    return reply.code(202).send({ retried } satisfies RetriedAllReply);
  });

  app.get<ById>('/api/v1/dead-letters/:id', async ({ params: { id } }, reply) => {
    const opened = (await letters.open(id)) ?? missing(id);
    const text = (await openedText())(opened, letterReplyOf(opened.letter));
    return reply.header('content-type', 'application/json; charset=utf-8').send(text);
  });

  app.post<ById>('/api/v1/dead-letters/:id/retry', unasked, async ({ params: { id } }, reply) => {
    const requestId = (await letters.retry(id)) ?? missing(id);
    return reply.code(202).send({ request_id: requestId } satisfies RetriedReply);
  });

  app.delete<ById>('/api/v1/dead-letters/:id', async ({ params: { id } }, reply) => {
    if (!(await letters.drop(id))) missing(id);
    return reply.send({ detail: `dead letter '${id}' was dropped` } satisfies DetailReply);
  });
}

function missing(id: string): never {
  throw new NotFoundError(`dead letter '${id}' not found`);
}

async function pageOf(letters: DeadLetters, query: unknown): Promise<DeadLetterListReply> {
  const { policy, run: runId, limit, cursor: after } = (await queries()).readLetterQuery(query);
  if (after !== undefined && (await letters.open(after)) === undefined) {
    throw new BadRequestError('cursor: the dead letter that it names is gone; begin anew without it');
  }
  const found = await letters.list({ policy, runId, limit: limit + 1, after });
  const shown = found.slice(0, limit);
  const last = found.length > limit ? shown.at(-1) : undefined;
  return { dead_letters: shown.map(letterReplyOf), next_cursor: last?.id ?? null };
}

function letterReplyOf(letter: DeadLetter): DeadLetterReply {
  return {
    id: letter.id,
    policy: letter.policy,
    run: letter.runId,
    request_id: letter.batchId,
    entity_count: letter.entityCount,
    bytes: letter.byteLength,
    reason: letter.reason,
    rejected_at: new Date(letter.rejectedAt).toISOString(),
  };
}
