import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { receiptOf } from './kept-delivery.ts';
import { openedRun } from './runs.ts';
import { TestApi } from './support.ts';

let api: TestApi;
beforeEach(async () => {
  api = await TestApi.start();
});
afterEach(() => api[Symbol.asyncDispose]());

function open() {
  const run = openedRun('edge');
  api.events.emit('run:opened', { run });
  return run;
}

const trace = async (id: string, query = '') => (await api.get(`/api/v1/runs/${id}/trace${query}`)).json();

/** Five thousand entities, three of which were rejected; one of them was then sent again, and arrived. */
function rejectedReceipts() {
  const whole = receiptOf({ entityCount: 4_000 });
  const cut = receiptOf({ sequence: 1, entityCount: 1_000, outcome: 'split', acknowledged: 0 });
  const part = { sequence: 1, parent: cut.id };
  const good = receiptOf({ ...part, entityCount: 990 });
  const bad = receiptOf({
    ...part,
    entityCount: 10,
    outcome: 'rejected',
    acknowledged: 7,
    lastError: 'entity at index 3 is nil',
  });
  const again = receiptOf({ sequence: 1, parent: bad.id, entityCount: 1 });
  return [whole, cut, good, bad, again];
}

describe('the trace of a run', () => {
  test('says of each batch what became of it', async () => {
    const run = open();
    const receipt = receiptOf({ tries: 3, lastSentAt: Date.UTC(2026, 0, 2, 3, 4, 7), lastError: 'away' });
    const waiting = receiptOf({
      sequence: 1,
      parent: receipt.id,
      outcome: 'waiting',
      keptAt: undefined,
      firstSentAt: undefined,
      lastSentAt: undefined,
      tries: 0,
    });
    api.delivery.receiptsOf.set(run.id, [receipt, waiting]);
    expect(await trace(run.id)).toMatchObject({
      run: run.id,
      policy: 'edge',
      status: 'pending',
      reason: '',
      next_cursor: null,
      batches: [
        {
          request_id: receipt.id,
          parent: null,
          entity_count: 10,
          bytes: 1_000,
          outcome: 'acknowledged',
          acknowledged: 10,
          tries: 3,
          last_error: 'away',
          accepted_at: '2026-01-02T03:04:05.678Z',
          kept_at: '2026-01-02T03:04:05.680Z',
          first_sent_at: '2026-01-02T03:04:05.681Z',
          last_sent_at: '2026-01-02T03:04:07.000Z',
          settled_at: '2026-01-02T03:04:05.687Z',
        },
        {
          request_id: waiting.id,
          parent: receipt.id,
          outcome: 'waiting',
          kept_at: null,
          first_sent_at: null,
          last_sent_at: null,
          settled_at: null,
        },
      ],
    });
  });

  test('counts every entity once, where it is now', async () => {
    const run = open();
    api.delivery.receiptsOf.set(run.id, rejectedReceipts());
    expect(await trace(run.id)).toMatchObject({
      produced: 5_000,
      kept: null,
      sent: 5_000,
      acknowledged: 4_998,
      rejected: 2,
      waiting: 0,
      dropped: 0,
    });
  });

  test('tells what waits and what was given up from what was rejected', async () => {
    const run = open();
    api.delivery.receiptsOf.set(run.id, [
      receiptOf({ outcome: 'waiting', firstSentAt: undefined }),
      receiptOf({ outcome: 'dropped' }),
      receiptOf({ outcome: 'rejected' }),
      receiptOf(),
    ]);
    expect(await trace(run.id)).toMatchObject({
      produced: 40,
      sent: 30,
      acknowledged: 10,
      rejected: 10,
      waiting: 10,
      dropped: 10,
    });
  });

  test('says what was safe on disk where there is a data directory', async () => {
    const state = {
      health: () => ({ ok: true, reason: '' }),
      figures: () => ({ bytes: 0, commits: 0, commitMs: 0 }),
    };
    await using durable = await TestApi.start({ state });
    const run = openedRun('edge');
    durable.events.emit('run:opened', { run });
    const receipts = [receiptOf(), receiptOf({ keptAt: undefined, outcome: 'waiting' })];
    durable.delivery.receiptsOf.set(run.id, receipts);
    const answer = await durable.get(`/api/v1/runs/${run.id}/trace`);
    expect(answer.json()).toMatchObject({ produced: 20, kept: 10 });
  });

  test('says how many batches are forgotten', async () => {
    const run = open();
    expect(await trace(run.id)).toMatchObject({ forgotten_batches: 0 });
    const kept = [receiptOf({ sequence: 3 }), receiptOf({ sequence: 5 }), receiptOf({ sequence: 6 })];
    api.delivery.receiptsOf.set(run.id, kept);
    expect(await trace(run.id)).toMatchObject({ forgotten_batches: 4, produced: 30 });
  });

  test('of a run without batches is empty', async () => {
    expect(await trace(open().id)).toMatchObject({ produced: 0, kept: null, batches: [], next_cursor: null });
  });

  test('has pages, also while batches are cut in two', async () => {
    const run = open();
    const receipts = Array.from({ length: 5 }, (_, sequence) => receiptOf({ sequence }));
    api.delivery.receiptsOf.set(run.id, receipts);
    const first = await trace(run.id, '?limit=2');
    expect(first).toMatchObject({ produced: 50, next_cursor: receipts[1]?.id });
    api.delivery.receiptsOf.set(run.id, receipts.toSpliced(1, 0, receiptOf({ parent: receipts[0]?.id })));
    const second = await trace(run.id, `?limit=3&cursor=${receipts[1]?.id}`);
    expect(second).toMatchObject({
      batches: receipts.slice(2).map(({ id }) => ({ request_id: id })),
      next_cursor: null,
    });
  });

  test.each([
    ['limit=0', "query parameter 'limit': expected a whole number from 1 to 1000"],
    ['cursor=x', "query parameter 'cursor': expected the next_cursor of an earlier reply"],
  ])('?%s is refused', async (query, detail) => {
    const answer = await api.get(`/api/v1/runs/${open().id}/trace?${query}`);
    expect([answer.status, answer.json()]).toEqual([400, { detail }]);
  });

  test('there is none of a run that is not known', async () => {
    const answer = await api.get('/api/v1/runs/nope/trace');
    expect([answer.status, answer.json()]).toEqual([404, { detail: "run 'nope' not found" }]);
  });
});
