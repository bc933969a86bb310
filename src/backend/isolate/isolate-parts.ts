import type { Backend } from '../contract.ts';
import type { Channel } from './channel.ts';
import type { IngestCalls } from './ingest-calls.ts';
import type { Turns } from './turns.ts';

/** What a run or a policy's life needs of the isolate. */
export interface IsolateParts {
  readonly backend: Backend;
  readonly channel: Channel;
  readonly turns: Turns;
  readonly calls: IngestCalls;
}
