import type { Clock } from '../clock.ts';
import type { Events } from '../events.ts';
import { ArchivedHistory } from './archived-history.ts';
import { ALONE, BESIDE_ARCHIVE, MemoryHistory, type RestoredHistory } from './memory-history.ts';
import type { RunArchive } from './run-archive.ts';

interface HistoryOptions {
  readonly events: Events;
  /** Where runs outlive the daemon, if they do. */
  readonly archive?: RunArchive | undefined;
  readonly clock: Clock;
}

/** Remembers runs by listening to their events, within fixed bounds. */
export function createRunHistory({ events, archive, clock }: HistoryOptions): RestoredHistory {
  const memory = new MemoryHistory(archive ? BESIDE_ARCHIVE : ALONE);
  events.on('run:opened', ({ run }) => memory.open(run));
  events.on('run:finished', ({ run }) => memory.finish(run));
  if (archive) return new ArchivedHistory({ events, archive, memory, clock });
  events.on('run:logged', ({ run, line }) => memory.write(run, line));
  return memory;
}
