import type { KeptLines, RunLine } from './contract.ts';
import type { Run, RunStatus } from './run.ts';

export interface ArchiveQuery {
  readonly policy: string | undefined;
  readonly status: RunStatus | undefined;
  readonly limit: number;
  /** Only runs of a smaller sequence. */
  readonly before: number | undefined;
}

/**
 * Keeps runs beyond the daemon's life. What is taken down is on disk a moment later, and before everything that is
 * handed to the state after it.
 */
export interface RunArchive {
  /** Takes down how a run is now, in the place of what was taken down of it before. Never throws. */
  record(run: Readonly<Run>): void;
  /** As `record`; resolves when it is on disk for good, and rejects with `UnavailableError`. */
  keep(run: Readonly<Run>): Promise<void>;
  /** A line of a run that was recorded. Never throws. */
  addLine(runId: string, line: RunLine): void;
  /** As of a policy store: what was recorded may have been lost. */
  onRepaired(writeAgain: () => Promise<void>): void;
  get(id: string): Promise<Readonly<Run> | undefined>;
  log(id: string): Promise<KeptLines>;
  /** Newest first. */
  list(query: ArchiveQuery): Promise<readonly Readonly<Run>[]>;
  /** The latest runs of each policy that is kept, as `RunHistory.latest` has them; for the start. */
  latestOfEach(count: number): Promise<readonly Run[]>;
  /** Runs that an earlier life left in a state that is not final, oldest first; for the start. */
  unfinished(): Promise<readonly Readonly<Run>[]>;
  /** The largest sequence that was ever given; 0: none. */
  lastSequence(): Promise<number>;
}
