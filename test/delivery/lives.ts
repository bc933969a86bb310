import { pino } from 'pino';
import { createDelivery, type DeliveryOptions } from '../../src/delivery/create-delivery.ts';
import type { Batch } from '../../src/sink/contract.ts';
import type { State } from '../../src/state/contract.ts';
import { HeldClock } from '../support/held-clock.ts';
import { batchOfNames, namesIn } from './picky-receiver.ts';
import { HeldSink } from './support.ts';

/** What is older is not kept for long. */
const START = Date.now();
const log = pino({ level: 'silent' });

/** One life of a daemon's delivery on this state. */
export function live(state: State, changes: Partial<DeliveryOptions> = {}) {
  const sink = new HeldSink();
  const clock = new HeldClock(START);
  const delivery = createDelivery({ sink, clock, log, store: state.batches, random: () => 1, ...changes });
  return { sink, clock, delivery };
}

export function batchNamed(name: string, runId = 'run-1'): Batch {
  return batchOfNames([name], runId);
}

/** The names of entities in call number `index`, which is acknowledged. */
export async function acknowledge(sink: HeldSink, index: number): Promise<string[]> {
  const send = await sink.nth(index);
  send.acknowledge();
  return namesIn(send.batch.bytes);
}
