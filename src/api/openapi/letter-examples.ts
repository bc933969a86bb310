import { run } from './examples.ts';

const requestId = 'c0a8f6d2-3f0e-4d4e-8b2b-0e6f5a1d7c33';
const reason = "Chunk ingestion failed: ['entity at index 3 is nil']";

/** Entities that were refused. */
export const letter = {
  id: '5d9f1c1e-6a57-4b0c-9d1e-2a7f0c3b8e44',
  policy: run.policy,
  run: run.id,
  request_id: requestId,
  entity_count: 1,
  bytes: 61,
  reason,
  rejected_at: '2026-01-02T03:00:01.231Z',
};

/** The same with what it holds. */
export const openedLetter = {
  ...letter,
  entities: [{ timestamp: '2026-01-02T03:00:01.102Z', device: { name: 'r1', site: { name: 'lab' } } }],
  more_entities: 0,
};

/** A run of which one entity was refused. */
export const trace = {
  run: run.id,
  policy: run.policy,
  status: 'failed',
  reason: `1 of 12 entities rejected: ${reason}`,
  produced: 12,
  kept: 12,
  sent: 12,
  acknowledged: 11,
  rejected: 1,
  waiting: 0,
  dropped: 0,
  forgotten_batches: 0,
  batches: [
    {
      request_id: requestId,
      parent: null,
      entity_count: 12,
      bytes: 2048,
      outcome: 'rejected',
      acknowledged: 11,
      tries: 1,
      last_error: reason,
      accepted_at: '2026-01-02T03:00:01.102Z',
      kept_at: '2026-01-02T03:00:01.104Z',
      first_sent_at: '2026-01-02T03:00:01.104Z',
      last_sent_at: '2026-01-02T03:00:01.104Z',
      settled_at: '2026-01-02T03:00:01.231Z',
    },
  ],
  next_cursor: null,
};
