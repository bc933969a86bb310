import type { Delivery } from './delivery/contract.ts';
import { messageOf, StartError } from './errors.ts';
import type { PolicyRegistry } from './policy/contract.ts';
import type { RunCoordinator } from './run/contract.ts';
import type { RestoredHistory } from './run/memory-history.ts';
import type { State } from './state/contract.ts';

/** Who goes on with something of an earlier life. */
interface Survivors {
  readonly history: RestoredHistory;
  readonly coordinator: RunCoordinator;
  readonly delivery: Delivery;
  readonly registry: PolicyRegistry;
}

/** Of each policy, for the status. */
const RUNS_SHOWN = 5;

/**
 * Goes on with what an earlier life of the daemon left: runs and batches at once, policies as soon as their packages are
 * open. Resolves when the names of all policies are taken; rejects with a `StartError` when it cannot be read.
 */
export async function goOn(
  { runs }: State,
  { history, coordinator, delivery, registry }: Survivors,
): Promise<void> {
  try {
    const [unfinished, latest, lastSequence, undelivered] = await Promise.all([
      runs.unfinished(),
      runs.latestOfEach(RUNS_SHOWN),
      runs.lastSequence(),
      delivery.restore(),
    ]);
    const left = { unfinished: unfinished.map((run) => ({ ...run })), latest, lastSequence, undelivered };
    history.restore(left);
    coordinator.restore(left);
    delivery.release();
    await registry.restore();
  } catch (error) {
    throw new StartError(1, `--data-dir: what was kept cannot be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
