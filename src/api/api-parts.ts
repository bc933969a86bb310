import type { Logger } from 'pino';
import type { BackendHost } from '../backend/host.ts';
import type { Clock } from '../clock.ts';
import type { Delivery } from '../delivery/contract.ts';
import type { Events } from '../events.ts';
import type { PolicyRegistry } from '../policy/contract.ts';
import type { RunCoordinator, RunHistory } from '../run/contract.ts';
import type { State } from '../state/contract.ts';
import type { Locks } from './locks/open-locks.ts';
import type { ReadinessReply } from './replies.ts';

/** Whether the daemon accepts work: `reasons` say why not, or why it is degraded. */
export interface Readiness extends ReadinessReply {
  readonly statusCode: 200 | 503;
}

/** What the API shows and calls. */
export interface ApiParts {
  readonly registry: PolicyRegistry;
  readonly history: RunHistory;
  readonly cancelRun: RunCoordinator['cancelRun'];
  readonly delivery: Pick<Delivery, 'snapshot' | 'receipts' | 'letters'>;
  /** undefined without `--data-dir`. */
  readonly state: Pick<State, 'health' | 'figures'> | undefined;
  readonly events: Events;
  readonly readiness: () => Readiness;
  readonly crashWaits: BackendHost['crashWaits'];
  /** The text of `/metrics` in pieces; rejects with an `UnavailableError` while the daemon stops. */
  readonly scrape: () => Promise<readonly Buffer[]>;
  readonly locks: Locks;
  readonly clock: Clock;
  readonly log: Logger;
  /** The daemon's own. */
  readonly version: string;
}
