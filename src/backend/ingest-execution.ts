import type { Clock } from '../clock.ts';
import { RunExecution, type RunPort } from './execution.ts';
import type { ExecutionOutcome, Ingest, RunRequest } from './host.ts';

/** What an ingest may ask of its child beside what runs may. */
export interface IngestPort extends RunPort {
  answer(ingest: number, refusal: string | undefined): void;
}

/** A run for entities outside of the schedule: it is under way as soon as it is opened. */
export class IngestExecution extends RunExecution implements Ingest {
  /** Called once, when its child knows what became of it. */
  onOver: () => void = () => undefined;
  readonly #child: IngestPort;

  constructor(number: number, request: RunRequest, clock: Clock, port: IngestPort) {
    super(number, request, clock);
    this.#child = port;
    this.handTo(port);
    this.begin();
  }

  answer(refusal: string | undefined): void {
    this.onOver();
    this.#child.answer(this.number, refusal);
  }

  override settle(outcome: ExecutionOutcome): void {
    const isAnswered = outcome.kind === 'returned' || outcome.kind === 'cancelled';
    if (!this.isOver && !isAnswered) this.onOver();
    super.settle(outcome);
  }
}
