import type { Locks, Readiness } from './api/create-api.ts';
import type { BackendHost } from './backend/host.ts';
import type { Delivery } from './delivery/contract.ts';
import type { PolicyRegistry } from './policy/contract.ts';
import type { Sink } from './sink/contract.ts';
import type { State } from './state/contract.ts';

/** Where a daemon is in its life. */
export type Phase = 'starting' | 'ready' | 'stopping';

/** What `/readyz` asks. */
export interface ReadinessSources {
  readonly sink: Pick<Sink, 'health'>;
  readonly delivery: Pick<Delivery, 'snapshot'>;
  /** undefined without `--data-dir`. */
  readonly state: Pick<State, 'health'> | undefined;
  readonly registry: Pick<PolicyRegistry, 'unable'>;
  readonly locks: Pick<Locks, 'faults'>;
  readonly host: Pick<BackendHost, 'crashWaits'>;
}

/** A batch that waits longer than this is not on its way any more. */
const BEHIND_AFTER_MS = 60_000;

/**
 * Whether work is accepted, and what is not as it should be (design: trust). Dead letters are none of that: they are
 * the receiver's last word, and stay until somebody looks at them.
 */
export function readinessOf(phase: Phase, sources: ReadinessSources): Readiness {
  if (phase !== 'ready') return { statusCode: 503, status: phase, reasons: [`the daemon is ${phase}`] };
  const { sink, state, locks, host, delivery, registry } = sources;
  const unable = faultOf(state?.health());
  const reasons = [
    ...unable.map((reason) => `what is accepted cannot be kept: ${reason}`),
    ...warningOf(state?.health()),
    ...faultOf(sink.health()),
    ...spoolFaults(delivery),
    ...locks.faults(),
    ...host.crashWaits().map(describeWait),
    ...policyFaults(registry),
  ];
  if (unable.length > 0) return { statusCode: 503, status: 'unable', reasons };
  return { statusCode: 200, status: reasons.length === 0 ? 'ok' : 'degraded', reasons };
}

function faultOf(health: { readonly ok: boolean; readonly reason: string } | undefined): string[] {
  return health === undefined || health.ok ? [] : [health.reason];
}

function warningOf(health: ReturnType<State['health']> | undefined): string[] {
  return health?.warning === undefined ? [] : [health.warning];
}

function spoolFaults(delivery: Pick<Delivery, 'snapshot'>): string[] {
  const { waitingBatches, waitingEntities, oldestAgeMs = 0, lastError, misfits } = delivery.snapshot();
  const faults: string[] = [];
  if (oldestAgeMs > BEHIND_AFTER_MS) {
    const why = lastError === undefined ? '' : `: ${lastError.message}`;
    faults.push(
      `${waitingBatches} batches with ${waitingEntities} entities wait to be acknowledged, the oldest for ${Math.floor(oldestAgeMs / 1_000)} s${why}`,
    );
  }
  if (misfits > 0) {
    faults.push(
      `${misfits} batches were written for another kind of receiver than this daemon sends to: they wait until it sends there again`,
    );
  }
  return faults;
}

function policyFaults(registry: ReadinessSources['registry']): string[] {
  const { count, example } = registry.unable();
  if (example === undefined) return [];
  const others = count === 1 ? '' : ` (and ${count - 1} more)`;
  return [`policy '${example.name}'${others} cannot work: ${example.reason}`];
}

function describeWait(wait: ReturnType<BackendHost['crashWaits']>[number]): string {
  return `package '${wait.package}' waits until ${new Date(wait.until).toISOString()}: ${wait.reason}`;
}
