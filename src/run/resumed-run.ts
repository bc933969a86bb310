import type { DeliveryOutcome, RunDelivery } from '../delivery/contract.ts';
import { conclude } from './conclude.ts';
import type { LiveRun } from './live-run.ts';
import { type Conclusion, isFinal, moveTo, type Run } from './run.ts';
import { countAcknowledged } from './run-output.ts';
import type { RunParts } from './run-parts.ts';

/** A run of an earlier life whose backend's part is over: what waits of it is delivered, then it ends as it would have. */
export class ResumedRun implements LiveRun {
  readonly run: Run;
  readonly #parts: RunParts;
  readonly #delivery: RunDelivery;
  #gaveUp: Conclusion | undefined;

  constructor(run: Run, parts: RunParts) {
    this.run = run;
    this.#parts = parts;
    const { id: runId, policy } = run;
    this.#delivery = parts.delivery.resume({ runId, policy }, (entityCount, bytes) =>
      countAcknowledged(run, entityCount, bytes, parts),
    );
  }

  /** Resolves when all of it is settled, or the daemon stops and the rest is left to its next life. */
  async end(): Promise<void> {
    const delivered = await this.#delivery.finish();
    this.#count(delivered);
    if (delivered.isLeft) return;
    if (isFinal(this.run.status)) this.#parts.events.emit('run:changed', { run: this.run });
    else this.#conclude(delivered);
  }

  cancel(reason: string): void {
    this.#gaveUp ??= { status: 'cancelled', reason };
    this.#delivery.abort(reason);
  }

  #conclude(delivered: DeliveryOutcome): void {
    const { run } = this;
    const { status, reason } = conclude(
      run.verdict ?? { status: 'completed', reason: '' },
      this.#gaveUp,
      delivered,
    );
    run.reason = reason;
    moveTo(run, status, this.#parts.clock.now());
    this.#parts.events.emit('run:finished', { run });
  }

  /** Some of it may have been acknowledged before the daemon ended and not been noted. */
  #count({ acknowledged, batches, bytes }: DeliveryOutcome): void {
    const { run } = this;
    run.entityCount = Math.max(run.entityCount, acknowledged);
    run.batches = Math.max(run.batches, batches);
    run.bytes = Math.max(run.bytes, bytes);
  }
}
