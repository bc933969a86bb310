import { RUNS_SHOWN } from './api/shown-status.ts';
import type { Delivery } from './delivery/contract.ts';
import { messageOf, StartError } from './errors.ts';
import type { PolicyRegistry } from './policy/contract.ts';
import type { RunCoordinator } from './run/contract.ts';
import type { RestoredHistory } from './run/memory-history.ts';
import { unlessAborted } from './sink/unless-aborted.ts';
import type { State } from './state/contract.ts';

/** Who goes on with something of an earlier life. */
interface Survivors {
  readonly history: RestoredHistory;
  readonly coordinator: RunCoordinator;
  readonly delivery: Delivery;
  readonly registry: PolicyRegistry;
}

/**
 * Goes on with what an earlier life of the daemon left: runs and batches at once, policies as soon as their packages are
 * open. Resolves when the names of all policies are taken; rejects with a `StartError` when it cannot be read, with the
 * reason of `stopRequested` when the daemon is to stop before that is over.
 */
export async function goOn(
  { runs }: State,
  { history, coordinator, delivery, registry }: Survivors,
  stopRequested: AbortSignal,
): Promise<void> {
  try {
    const reading = Promise.all([
      runs.unfinished(),
      runs.latestOfEach(RUNS_SHOWN),
      runs.lastSequence(),
      delivery.restore(),
    ]);
    const [unfinished, latest, lastSequence, undelivered] = await unlessAborted(reading, stopRequested);
    const left = { unfinished: unfinished.map((run) => ({ ...run })), latest, lastSequence, undelivered };
    history.restore(left);
    coordinator.restore(left);
    delivery.release();
    await registry.restore();
  } catch (error) {
    if (error === stopRequested.reason) throw error;
    throw new StartError(1, `--data-dir: what was kept cannot be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
