import { z } from 'zod';
import { BATCH_OUTCOMES } from '../delivery/batch-store.ts';
import { runStatus } from './run-query.ts';

/* What is said of batches and dead letters: types for those who write it, schemas for /openapi.json. */

const moment = z.iso.datetime().describe('RFC 3339, UTC.');

export const deadLetterReply = z.object({
  id: z.string(),
  policy: z.string(),
  run: z.string().describe('The run that its entities are of.'),
  request_id: z.string().describe('Under which they were refused.'),
  entity_count: z.int(),
  bytes: z.int(),
  reason: z.string().describe("The receiver's words."),
  rejected_at: moment,
});

export const openedLetterReply = deadLetterReply.extend({
  entities: z.array(z.unknown()).describe('The first hundred, as Diode names their fields.'),
  more_entities: z.int().describe('How many more it has.'),
});

export const deadLetterListReply = z.object({
  dead_letters: z.array(deadLetterReply).describe('Oldest first.'),
  next_cursor: z.string().nullable().describe('Give it as `cursor` for the next page; null on the last.'),
});

export const retriedReply = z.object({
  request_id: z.string().describe('Under which its entities are sent now.'),
});

export const retriedAllReply = z.object({ retried: z.int() });

export const droppedAllReply = z.object({ dropped: z.int() });

const tracedBatch = z.object({
  request_id: z.string(),
  parent: z
    .string()
    .nullable()
    .describe('The request that these entities were in before it was split, or rejected and tried again.'),
  entity_count: z.int(),
  bytes: z.int(),
  outcome: z
    .enum(BATCH_OUTCOMES)
    .describe('`split`: its parts have request ids of their own; `dropped`: given up without an answer.'),
  acknowledged: z.int().describe('Entities of it that the receiver has acknowledged.'),
  tries: z.int(),
  last_error: z.string().describe("The receiver's last words against it, or why it did not hear of it."),
  accepted_at: moment.describe('When the backend handed it over.'),
  kept_at: moment.nullable().describe('When it was safe on disk; null without `--data-dir`.'),
  first_sent_at: moment.nullable(),
  last_sent_at: moment.nullable(),
  settled_at: moment.nullable(),
});

const entities = z.int().describe('Entities.');

export const traceReply = z.object({
  run: z.string(),
  policy: z.string(),
  status: runStatus,
  reason: z.string(),
  produced: entities.describe('Entities that were taken from its backend.'),
  kept: entities.nullable().describe('Of these, safe on disk once; null without `--data-dir`.'),
  sent: entities.describe('Of these, sent at least once.'),
  acknowledged: entities.describe('Of these, acknowledged by the receiver.'),
  rejected: entities.describe('Of these, refused for good: dead letters, if nobody dropped them.'),
  waiting: entities.describe('Of these, still to be acknowledged.'),
  dropped: entities.describe('Of these, given up without an answer.'),
  forgotten_batches: z
    .int()
    .describe('Batches that are in none of these figures: of very many, the first are forgotten.'),
  batches: z.array(tracedBatch).describe('In the order in which they were handed over.'),
  next_cursor: z.string().nullable().describe('Give it as `cursor` for the next page; null on the last.'),
});

export type DeadLetterReply = z.infer<typeof deadLetterReply>;
export type OpenedLetterReply = z.infer<typeof openedLetterReply>;
export type DeadLetterListReply = z.infer<typeof deadLetterListReply>;
export type RetriedReply = z.infer<typeof retriedReply>;
export type RetriedAllReply = z.infer<typeof retriedAllReply>;
export type DroppedAllReply = z.infer<typeof droppedAllReply>;
export type TracedBatch = z.infer<typeof tracedBatch>;
export type TraceReply = z.infer<typeof traceReply>;
