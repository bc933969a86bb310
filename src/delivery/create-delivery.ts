import type { Logger } from 'pino';
import { type Clock, settlesWithin } from '../clock.ts';
import type { Sink } from '../sink/contract.ts';
import { BatchQueue } from './batch-queue.ts';
import type { BatchReceipt, BatchStore, LeftBatch } from './batch-store.ts';
import type {
  DeadLetters,
  DeliveredRun,
  Delivery,
  DeliverySnapshot,
  DeliveryStopReport,
  OnAcknowledged,
} from './contract.ts';
import { createDeadLetters } from './dead-letters.ts';
import { Keeper } from './keeper.ts';
import { Ledger } from './ledger.ts';
import { createMemoryBatchStore } from './memory-batch-store.ts';
import type { QueueContext } from './queue-options.ts';
import { ReceiverGate } from './receiver-gate.ts';
import { Room } from './room.ts';
import { Standing } from './standing.ts';

export interface DeliveryOptions {
  readonly sink: Sink;
  readonly clock: Clock;
  readonly log: Logger;
  /** Keeps batches until they are acknowledged; left out: in memory. */
  readonly store?: BatchStore;
  /**
   * Bytes of batches that were reserved or accepted and are not acknowledged, of all runs together. Left out: 256 MiB
   * in memory, and as much as the store takes on disk.
   */
  readonly maxUnsentBytes?: number;
  /** Of these, bytes in memory where the store can read them back; those that are being sent come on top. */
  readonly maxMemoryBytes?: number;
  /** Batches under way at once, each of another run. */
  readonly maxCalls?: number;
  /** How long a batch is tried again while the receiver is unavailable; left out: 5 minutes in memory, for ever on disk. */
  readonly retryForMs?: number;
  /** From 0 to 1. */
  readonly random?: () => number;
}

const MAX_UNSENT_BYTES = 256 * 1024 * 1024;
const MAX_MEMORY_BYTES = 64 * 1024 * 1024;
const MAX_CALLS = 4;
const RETRY_FOR_MS = 5 * 60 * 1000;

/** Takes batches to the sink: those of a run in order, those of several runs side by side and in turn. */
export function createDelivery(options: DeliveryOptions): Delivery {
  return new BatchDelivery(options);
}

class BatchDelivery implements Delivery {
  readonly letters: DeadLetters;
  readonly #context: QueueContext;
  readonly #closing = new AbortController();
  readonly #queues = new Set<BatchQueue>();
  /** What an earlier life left of runs that nobody has resumed yet. */
  readonly #found = new Map<string, LeftBatch[]>();
  /** Queues of an earlier life's runs that do not send yet. */
  #held: BatchQueue[] = [];
  #rejectedEntities = 0;
  #isStopping = false;

  constructor(options: DeliveryOptions) {
    const { sink, clock, random = Math.random, store = createMemoryBatchStore() } = options;
    const { isDurable } = store;
    const {
      maxUnsentBytes = isDurable ? Number.POSITIVE_INFINITY : MAX_UNSENT_BYTES,
      maxMemoryBytes = MAX_MEMORY_BYTES,
      maxCalls = MAX_CALLS,
      retryForMs: patienceMs = isDurable ? Number.POSITIVE_INFINITY : RETRY_FOR_MS,
    } = options;
    const log = options.log.child({ module: 'delivery' });
    const gate = new ReceiverGate({ clock, maxCalls, patienceMs });
    this.#context = {
      sending: { sink, store, clock, log, gate, patienceMs, random },
      keeper: new Keeper({ clock, log, random }),
      room: new Room({
        waitingBytes: maxUnsentBytes,
        memoryBytes: isDurable ? maxMemoryBytes : Number.POSITIVE_INFINITY,
      }),
      waiting: new Ledger(sink.encoding),
      left: new Ledger(sink.encoding),
      lost: new Ledger(sink.encoding),
      closing: this.#closing.signal,
      onRejected: (entityCount) => {
        this.#rejectedEntities += entityCount;
      },
    };
    this.letters = createDeadLetters({
      store,
      clock,
      isStopping: () => this.#isStopping,
      send: (run, batch) => {
        const queue = this.#newQueue(run, () => undefined);
        queue.take(batch);
        void queue.finish();
      },
    });
  }

  open(run: DeliveredRun, onAcknowledged: OnAcknowledged): BatchQueue {
    const queue = this.#newQueue(run, onAcknowledged);
    if (this.#isStopping) void queue.stop();
    return queue;
  }

  async restore(): Promise<readonly DeliveredRun[]> {
    for (const left of await this.#context.sending.store.found()) {
      const ofRun = this.#found.get(left.runId);
      if (ofRun) ofRun.push(left);
      else this.#found.set(left.runId, [left]);
    }
    return Array.from(this.#found.values(), runOf);
  }

  resume(run: DeliveredRun, onAcknowledged: OnAcknowledged): BatchQueue {
    const queue = this.open(run, onAcknowledged);
    queue.hold(this.#found.get(run.runId) ?? []);
    this.#found.delete(run.runId);
    this.#held.push(queue);
    return queue;
  }

  release(): void {
    for (const left of this.#found.values()) void this.resume(runOf(left), () => undefined).finish();
    for (const queue of this.#held.splice(0)) queue.release();
  }

  totals(): Ledger['totals'] {
    return this.#context.waiting.totals;
  }

  oldestAgeMs(): number | undefined {
    return this.snapshot().oldestAgeMs;
  }

  snapshot(): ReturnType<Delivery['snapshot']> {
    const { waiting, sending } = this.#context;
    const standing = new Standing(sending);
    standing.count(waiting);
    for (const queue of this.#queues) queue.tell(standing);
    return {
      ...standing.snapshot,
      letters: this.letters.count,
      rejectedEntities: this.#rejectedEntities,
    };
  }

  of(runId: string): DeliverySnapshot | undefined {
    const queues = this.#queuesOf(runId);
    if (queues.length === 0) return undefined;
    const standing = new Standing(this.#context.sending);
    for (const queue of queues) {
      standing.count(queue.ledger);
      queue.tell(standing);
    }
    return standing.snapshot;
  }

  async receipts(runId: string): Promise<readonly BatchReceipt[]> {
    const kept = await this.#context.sending.store.receipts(runId);
    const byId = new Map(kept.map((receipt) => [receipt.id, receipt]));
    for (const receipt of this.#queuesOf(runId).flatMap((queue) => queue.receipts))
      byId.set(receipt.id, receipt);
    return [...byId.values()].sort((a, b) => a.sequence - b.sequence);
  }

  async stop(timeoutMs = 0): Promise<DeliveryStopReport> {
    const { waiting, left, lost, sending } = this.#context;
    if (timeoutMs > 0) await settlesWithin(sending.clock, timeoutMs, waiting.whenEmpty());
    this.#isStopping = true;
    this.release();
    await Promise.all(Array.from(this.#queues, (queue) => queue.stop()));
    this.#closing.abort();
    return { left: left.totals, lost: lost.totals };
  }

  #newQueue(run: DeliveredRun, onAcknowledged: OnAcknowledged): BatchQueue {
    const queue = new BatchQueue({
      run,
      context: this.#context,
      onAcknowledged,
      onClosed: () => this.#queues.delete(queue),
    });
    this.#queues.add(queue);
    return queue;
  }

  #queuesOf(runId: string): readonly BatchQueue[] {
    return [...this.#queues].filter(({ run }) => run.runId === runId);
  }
}

function runOf([left]: readonly LeftBatch[]): DeliveredRun {
  return { runId: left?.runId ?? '', policy: left?.policy ?? '' };
}
