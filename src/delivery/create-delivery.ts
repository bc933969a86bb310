import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import type { Sink } from '../sink/contract.ts';
import { Allowance } from './allowance.ts';
import type { Delivery } from './contract.ts';
import { Ledger } from './ledger.ts';
import { RunQueue } from './run-queue.ts';
import type { SendingContext } from './send-batch.ts';

export interface DeliveryOptions {
  readonly sink: Sink;
  readonly clock: Clock;
  readonly log: Logger;
  /** Bytes of batches that were reserved or accepted and are not acknowledged, of all runs together. */
  readonly maxUnsentBytes?: number;
  /** Batches under way at once, each of another run. */
  readonly maxCalls?: number;
  /** How long a batch is tried again while the receiver is unavailable. */
  readonly retryForMs?: number;
  /** From 0 to 1. */
  readonly random?: () => number;
}

const MAX_UNSENT_BYTES = 256 * 1024 * 1024;
const MAX_CALLS = 4;
const RETRY_FOR_MS = 5 * 60 * 1000;

/** Takes batches to the sink: those of a run in order, those of several runs side by side and in turn. */
export function createDelivery(options: DeliveryOptions): Delivery {
  const { sink, clock, log, maxUnsentBytes = MAX_UNSENT_BYTES, maxCalls = MAX_CALLS } = options;
  const { retryForMs = RETRY_FOR_MS, random = Math.random } = options;
  const context: SendingContext = {
    sink,
    clock,
    log: log.child({ module: 'delivery' }),
    calls: new Allowance(maxCalls),
    retryForMs,
    random,
  };
  const memory = new Allowance(maxUnsentBytes);
  const waiting = new Ledger(clock);
  const lostInStop = new Ledger(clock);
  const queues = new Set<RunQueue>();
  let stopping = false;

  const open: Delivery['open'] = (_run, onAcknowledged) => {
    const queue = new RunQueue({
      context,
      memory,
      waiting,
      onAcknowledged: (batch) => onAcknowledged(batch.entityCount, batch.bytes.length),
      onGivenUp: (batch) => {
        if (stopping) lostInStop.add(batch);
      },
      onClosed: () => queues.delete(queue),
    });
    queues.add(queue);
    if (stopping) void queue.fail('the daemon is stopping');
    return queue;
  };

  return {
    open,
    resume: open,
    restore: async () => [],
    release: () => undefined,
    of: () => undefined,
    receipts: async () => [],
    letters: {
      count: 0,
      list: async () => [],
      open: async () => undefined,
      retry: async () => undefined,
      drop: async () => false,
    },
    snapshot: () => ({
      ...waiting.totals,
      oldestAgeMs: waiting.oldestAgeMs,
      lastError: undefined,
      nextTryAt: undefined,
      misfits: 0,
      letters: 0,
      rejectedEntities: 0,
    }),
    totals: () => waiting.totals,
    oldestAgeMs: () => waiting.oldestAgeMs,
    async stop() {
      stopping = true;
      await Promise.all([...queues].map((queue) => queue.fail('the daemon is stopping')));
      return { lost: lostInStop.totals, left: { waitingBatches: 0, waitingBytes: 0, waitingEntities: 0 } };
    },
  };
}
