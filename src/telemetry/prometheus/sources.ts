import type { BackendHost } from '../../backend/host.ts';
import type { Clock } from '../../clock.ts';
import type { Delivery } from '../../delivery/contract.ts';
import type { PolicyRegistry } from '../../policy/contract.ts';
import type { Sink } from '../../sink/contract.ts';
import type { State } from '../../state/contract.ts';
import type { Tally } from '../tally.ts';

/** What a scrape asks. */
export interface MetricSources {
  readonly tally: Tally;
  readonly registry: Pick<PolicyRegistry, 'unable'>;
  readonly host: Pick<BackendHost, 'children'>;
  readonly delivery: Pick<Delivery, 'snapshot'>;
  /** undefined without `--data-dir`. */
  readonly state: Pick<State, 'health' | 'figures'> | undefined;
  readonly sink: Pick<Sink, 'health'>;
  /** Lines of the log that a slow reader did not get, since the start. */
  readonly droppedLogLines: () => number;
  readonly clock: Clock;
  /** The daemon's own. */
  readonly version: string;
  /** From then on a scrape is refused. */
  readonly isStopping: () => boolean;
}
