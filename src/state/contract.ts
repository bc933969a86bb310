import type { BatchStore } from '../delivery/batch-store.ts';
import type { PolicyStore } from '../policy/policy-store.ts';
import type { RunArchive } from '../run/run-archive.ts';

/** Whether what is accepted can be kept, for `/readyz`, status and metrics. */
export interface StateHealth {
  readonly ok: boolean;
  /** One sentence for a person, such as `no space left on the device`; `''` when `ok`. */
  readonly reason: string;
  /** What was damaged and is set aside since the daemon started, one sentence for a person; not there: nothing. */
  readonly warning?: string;
}

/** What is written and kept, for status and metrics. */
export interface StateFigures {
  /** Of its files. */
  readonly bytes: number;
  /** Groups of changes that were committed since the start, and how long that took, waiting for the disk included. */
  readonly commits: number;
  readonly commitMs: number;
}

/**
 * What outlives the daemon: one directory (`--data-dir`), one SQLite file in it, written by one thread in groups. What
 * is handed over first is written first, whether somebody waits for it or not.
 */
export interface State {
  readonly policies: PolicyStore;
  readonly runs: RunArchive;
  /**
   * Dead letters take a quarter of the room at most: the oldest make room for new ones, and, when there is no history
   * left to drop, for batches that wait.
   */
  readonly batches: BatchStore;
  /** What all batches that wait may take together: beyond that `keep` rejects. */
  readonly spoolBytes: number;
  health(): StateHealth;
  /** As of a moment ago: it is called often, and asks no disk. */
  figures(): StateFigures;
  /** Writes what was handed over, then lets go of the directory. */
  close(): Promise<void>;
}
