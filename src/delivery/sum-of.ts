import type { DeliverySnapshot } from './contract.ts';

/** How several deliveries stand together. */
export function sumOf(snapshots: readonly DeliverySnapshot[]): DeliverySnapshot {
  const sum = {
    waitingBatches: 0,
    waitingBytes: 0,
    waitingEntities: 0,
    misfits: 0,
    oldestAgeMs: undefined as number | undefined,
    lastError: undefined as DeliverySnapshot['lastError'],
    nextTryAt: undefined as number | undefined,
  };
  for (const { oldestAgeMs, lastError, nextTryAt, ...counts } of snapshots) {
    sum.waitingBatches += counts.waitingBatches;
    sum.waitingBytes += counts.waitingBytes;
    sum.waitingEntities += counts.waitingEntities;
    sum.misfits += counts.misfits;
    if (oldestAgeMs !== undefined) sum.oldestAgeMs = Math.max(sum.oldestAgeMs ?? 0, oldestAgeMs);
    if (lastError && lastError.at >= (sum.lastError?.at ?? 0)) sum.lastError = lastError;
    if (nextTryAt !== undefined) sum.nextTryAt = Math.min(sum.nextTryAt ?? nextTryAt, nextTryAt);
  }
  return sum;
}
