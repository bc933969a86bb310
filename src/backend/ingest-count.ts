import type { Clock } from '../clock.ts';
import { FrameError } from './frames.ts';
import type { IngestExecution } from './ingest-execution.ts';
import { INGEST_RATE, MOST_INGESTS } from './messages.ts';
import { isBeyond } from './rate.ts';

/** Counts the ingests of one run or life. */
export class IngestCount {
  readonly #clock: Clock;
  readonly #since: number;
  #begun = 0;
  #underWay = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#since = clock.monotonic();
  }

  /** One more is wanted. Throws a {@link FrameError} for more than an honest child asks for. */
  begin(): void {
    const isTooMuch = this.#underWay >= MOST_INGESTS;
    if (isTooMuch || isBeyond(INGEST_RATE, ++this.#begun, this.#clock.monotonic() - this.#since)) {
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
