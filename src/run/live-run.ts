import type { Run } from './run.ts';

/** A run that is under way, or that an earlier life of the daemon left to be delivered. */
export interface LiveRun {
  readonly run: Readonly<Run>;
  /** Ends it because somebody asks for it; where only the delivery is left, that is given up. */
  cancel(reason: string): void;
}
