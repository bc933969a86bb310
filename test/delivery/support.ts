import { setImmediate as nextTurn } from 'node:timers/promises';
import { pino } from 'pino';
import { createDelivery, type DeliveryOptions } from '../../src/delivery/create-delivery.ts';
import type { Batch, BatchEncoding, RunIdentity, Sink, SinkHealth } from '../../src/sink/contract.ts';
import { SinkError } from '../../src/sink/contract.ts';
import { HeldClock } from '../support/held-clock.ts';

export const nothing = (): void => undefined;
export const aRun = { runId: 'run-1', policy: 'edge' };
export const empty = { waitingBatches: 0, waitingBytes: 0, waitingEntities: 0 };

/** A call of `send` that waits for the test to say how it ends. */
export interface HeldSend {
  readonly batch: Batch;
  readonly signal: AbortSignal;
  acknowledge(): void;
  fail(error: unknown): void;
}

/** A receiver in the hands of the test: every batch waits until it is answered; what is given up ends at once. */
export class HeldSink implements Sink {
  readonly encoding: BatchEncoding;
  /** Every call so far, answered or not. */
  readonly sends: HeldSend[] = [];
  /** Calls that are not answered. */
  underWay = 0;
  readonly #watchers = new Set<() => void>();

  constructor(encoding: BatchEncoding = 'diode') {
    this.encoding = encoding;
  }

  async start(): Promise<void> {}

  send(batch: Batch, signal: AbortSignal): Promise<void> {
    this.underWay += 1;
    return new Promise<void>((resolve, reject) => {
      const fail = (error: unknown): void => {
        signal.removeEventListener('abort', onAbort);
        reject(error);
      };
      const onAbort = (): void => fail(unavailable('given up'));
      signal.addEventListener('abort', onAbort, { once: true });
      this.sends.push({ batch, signal, acknowledge: resolve, fail });
      for (const look of this.#watchers) look();
    }).finally(() => {
      this.underWay -= 1;
    });
  }

  /** Resolves with call number `index` (from 0) when it is made. */
  nth(index: number): Promise<HeldSend> {
    return new Promise((resolve) => {
      const look = (): void => {
        const send = this.sends[index];
        if (send === undefined) return;
        this.#watchers.delete(look);
        resolve(send);
      };
      this.#watchers.add(look);
      look();
    });
  }

  health(): SinkHealth {
    return { ok: true, reason: '' };
  }

  async close(): Promise<void> {}
}

export function unavailable(message: string): SinkError {
  return new SinkError('unavailable', message);
}

export function batchOf(id: string, bytes = 10, runId = 'run-1'): Batch {
  const run: RunIdentity = { runId, policyName: 'edge', backend: 'b', appName: 'a', appVersion: '1' };
  return { id, run, entityCount: 2, bytes: Buffer.alloc(bytes) };
}

/** True when `promise` is still open after everything that could settle it had its turn. */
export async function isPending(promise: Promise<unknown>): Promise<boolean> {
  let open = true;
  const close = (): void => {
    open = false;
  };
  promise.then(close, close);
  await nextTurn();
  return open;
}

/** A delivery to a sink in the hands of the test, by a clock that stands still; waits are as long as they may be. */
export function setUp(changes: Partial<DeliveryOptions> = {}) {
  const sink = new HeldSink();
  const clock = new HeldClock();
  const log = pino({ level: 'silent' });
  const delivery = createDelivery({ sink, clock, log, random: () => 1, ...changes });
  return { sink, clock, delivery };
}
