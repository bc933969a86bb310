import type { ApiParts } from './api-parts.ts';
import { crashWaitReplyOf } from './policy-reply.ts';
import type { DeliveryReply, StatusReply } from './replies.ts';
import { momentOf } from './run-reply.ts';

type Extras = Pick<StatusReply, 'crash_waits' | 'delivery' | 'state'>;

/**
 * What the status says beside upstream's fields, as JSON to be put before its last brace: nothing, as long as there is
 * nothing to tell.
 */
export function statusExtras(parts: ApiParts): string {
  const extras: Extras = {
    ...crashWaitsOf(parts),
    ...deliveryOf(parts),
    ...stateOf(parts),
  };
  const text = JSON.stringify(extras);
  return text === '{}' ? '' : `,${text.slice(1, -1)}`;
}

function crashWaitsOf({ crashWaits }: ApiParts): Extras {
  const waits = crashWaits().map((wait) => ({ package: wait.package, ...crashWaitReplyOf(wait) }));
  return waits.length === 0 ? {} : { crash_waits: waits };
}

/** With a data directory always: who looks for it finds that nothing waits. */
function deliveryOf({ delivery, state }: ApiParts): Extras {
  const snapshot = delivery.snapshot();
  const { waitingBatches, lastError, nextTryAt, oldestAgeMs } = snapshot;
  if (state === undefined && waitingBatches === 0 && snapshot.letters === 0) return {};
  const reply: DeliveryReply = {
    waiting_batches: waitingBatches,
    waiting_bytes: snapshot.waitingBytes,
    waiting_entities: snapshot.waitingEntities,
    oldest_age_seconds: oldestAgeMs === undefined ? null : Math.round(oldestAgeMs) / 1_000,
    last_error: lastError ? { time: new Date(lastError.at).toISOString(), message: lastError.message } : null,
    next_try_at: momentOf(nextTryAt),
    misfit_batches: snapshot.misfits,
    dead_letters: snapshot.letters,
  };
  return { delivery: reply };
}

function stateOf({ state }: ApiParts): Extras {
  if (state === undefined) return {};
  const { ok, reason } = state.health();
  return { state: { ok, reason, bytes: state.figures().bytes } };
}
