import type { Clock } from '../clock.ts';
import type { Delivery, DeliveryOutcome, RunDelivery } from '../delivery/contract.ts';
import type { Events } from '../events.ts';
import type { Redact } from '../redact.ts';
import type { Batch } from '../sink/contract.ts';
import type { Run } from './run.ts';

interface OutputParts {
  readonly clock: Clock;
  readonly events: Events;
  readonly delivery: Delivery;
}

interface OutputOptions {
  /** Cleans whatever the sink says of it. */
  readonly redact: Redact;
  /** Called when nothing of it will be delivered any more. */
  readonly onFailed: (reason: string) => void;
}

/** What the backend of one run yields, on its way to the sink. */
export class RunOutput {
  readonly #run: Run;
  readonly #delivery: RunDelivery;
  #acceptedBatches = 0;
  #acceptedEntities = 0;

  constructor(run: Run, parts: OutputParts, { redact, onFailed }: OutputOptions) {
    this.#run = run;
    const { id: runId, policy } = run;
    this.#delivery = parts.delivery.open({ runId, policy, redact }, (entityCount, bytes) =>
      countAcknowledged(run, entityCount, bytes, parts),
    );
    void this.#delivery.failed.then(onFailed);
  }

  /** As {@link RunDelivery.reserve}. */
  reserve(bytes: number): Promise<void> {
    return this.#delivery.reserve(bytes);
  }

  /** Takes a batch that has room. */
  accept(batch: Batch): void {
    this.#acceptedBatches++;
    this.#acceptedEntities += batch.entityCount;
    this.#delivery.accept(batch);
  }

  /** As {@link RunDelivery.kept}. */
  kept(): Promise<void> {
    return this.#delivery.kept();
  }

  /** As {@link RunDelivery.finish}. */
  finish(): Promise<DeliveryOutcome> {
    return this.#delivery.finish();
  }

  /** As {@link RunDelivery.abort}. */
  abort(reason: string): void {
    this.#delivery.abort(reason);
  }

  /** What was accepted and not acknowledged, as the end of a reason; `''`: nothing. */
  missingInWords(): string {
    const batches = this.#acceptedBatches - this.#run.batches;
    const entities = this.#acceptedEntities - this.#run.entityCount;
    return batches === 0 ? '' : `; not delivered: ${batches} batches with ${entities} entities`;
  }
}

/** Counts a request that the sink has acknowledged. */
export function countAcknowledged(
  run: Run,
  entityCount: number,
  bytes: number,
  { clock, events }: Pick<OutputParts, 'clock' | 'events'>,
): void {
  run.entityCount += entityCount;
  run.batches++;
  run.bytes += bytes;
  run.updatedAt = clock.now();
  events.emit('batch:delivered', { run, entityCount, bytes });
}
