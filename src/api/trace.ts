import type { FastifyInstance } from 'fastify';
import type { BatchReceipt } from '../delivery/batch-store.ts';
import { BadRequestError, NotFoundError } from '../errors.ts';
import type { ApiParts } from './api-parts.ts';
import type { TracedBatch, TraceReply } from './delivery-replies.ts';
import { queries } from './queries.ts';
import { momentOf } from './run-reply.ts';

interface ById {
  readonly Params: { readonly id: string };
}

/** `GET /api/v1/runs/ID/trace`: what became of all that a run has produced, as far as this daemon knows. */
export function serveTrace(app: FastifyInstance, { history, delivery, state }: ApiParts): void {
  app.get<ById>('/api/v1/runs/:id/trace', async ({ params: { id }, query }, reply) => {
    const { limit, cursor } = (await queries()).readTraceQuery(query);
    const run = await history.get(id);
    if (run === undefined) throw new NotFoundError(`run '${id}' not found`);
    const receipts = await delivery.receipts(id);
    const start = startOf(receipts, cursor);
    const shown = receipts.slice(start, start + limit);
    const isMore = start + limit < receipts.length;
    return reply.send({
      run: id,
      policy: run.policy,
      status: run.status,
      reason: run.reason,
      ...sumsOf(receipts, state !== undefined),
      batches: shown.map(tracedBatchOf),
      next_cursor: (isMore && shown.at(-1)?.id) || null,
    } satisfies TraceReply);
  });
}

/** Behind the batch that the page before ended with: others may have come before it since, as parts of one. */
function startOf(receipts: readonly BatchReceipt[], cursor: string | undefined): number {
  if (cursor === undefined) return 0;
  const last = receipts.findIndex(({ id }) => id === cursor);
  if (last === -1)
    throw new BadRequestError("query parameter 'cursor': expected the next_cursor of an earlier reply");
  return last + 1;
}

type Sums = Omit<TraceReply, 'run' | 'policy' | 'status' | 'reason' | 'batches' | 'next_cursor'>;

/**
 * Every entity counts once, where it is now: what was rejected, tried again and acknowledged then is acknowledged.
 */
function sumsOf(receipts: readonly BatchReceipt[], isDurable: boolean): Sums {
  const handedOver = receipts.filter(({ parent }) => parent === undefined);
  const produced = countIn(handedOver);
  const acknowledged = receipts.reduce((sum, receipt) => sum + receipt.acknowledged, 0);
  const waiting = countIn(receipts.filter(({ outcome }) => outcome === 'waiting'));
  const dropped = receipts
    .filter(({ outcome }) => outcome === 'dropped')
    .reduce((sum, { entityCount, acknowledged: arrived }) => sum + entityCount - arrived, 0);
  const kept = handedOver.filter(({ keptAt }) => keptAt !== undefined);
  return {
    produced,
    kept: isDurable ? countIn(kept) : null,
    sent: countIn(handedOver.filter(({ firstSentAt }) => firstSentAt !== undefined)),
    acknowledged,
    rejected: Math.max(0, produced - acknowledged - waiting - dropped),
    waiting,
    dropped,
    forgotten_batches: forgottenIn(handedOver),
  };
}

/** They are numbered from 0. */
function forgottenIn(handedOver: readonly BatchReceipt[]): number {
  const numbers = new Set(handedOver.map(({ sequence }) => sequence));
  const largest = handedOver.reduce((most, { sequence }) => Math.max(most, sequence), -1);
  return largest + 1 - numbers.size;
}

function countIn(receipts: readonly BatchReceipt[]): number {
  return receipts.reduce((sum, { entityCount }) => sum + entityCount, 0);
}

function tracedBatchOf(receipt: BatchReceipt): TracedBatch {
  return {
    request_id: receipt.id,
    parent: receipt.parent ?? null,
    entity_count: receipt.entityCount,
    bytes: receipt.byteLength,
    outcome: receipt.outcome,
    acknowledged: receipt.acknowledged,
    tries: receipt.tries,
    last_error: receipt.lastError,
    accepted_at: new Date(receipt.acceptedAt).toISOString(),
    kept_at: momentOf(receipt.keptAt),
    first_sent_at: momentOf(receipt.firstSentAt),
    last_sent_at: momentOf(receipt.lastSentAt),
    settled_at: momentOf(receipt.settledAt),
  };
}
