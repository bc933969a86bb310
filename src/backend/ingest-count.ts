import type { Clock } from '../clock.ts';
import { FrameError } from './frames.ts';
import type { IngestExecution } from './ingest-execution.ts';
import { INGEST_RATE, MOST_INGESTS } from './messages.ts';
import { RateCheck } from './rate.ts';

/** Counts the ingests of one run or life. */
export class IngestCount {
  readonly #begun: RateCheck;
  #underWay = 0;

  constructor(clock: Clock) {
    this.#begun = new RateCheck(INGEST_RATE, clock);
  }

  /** One more is wanted. Throws a {@link FrameError} for more than an honest child asks for. */
  begin(): void {
    if (this.#underWay >= MOST_INGESTS || !this.#begun.count()) {
      throw new FrameError('more ingests than it may have');
    }
  }

  /** Counts it as under way until its child knows what became of it. */
  track(ingest: IngestExecution): IngestExecution {
    this.#underWay++;
    ingest.onOver = () => this.#underWay--;
    return ingest;
  }
}
