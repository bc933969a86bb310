import { randomUUID } from 'node:crypto';
import type { BatchReceipt } from '../../src/delivery/batch-store.ts';
import type { KeptPolicy } from '../../src/policy/policy-store.ts';
import type { Batch } from '../../src/sink/contract.ts';

export function policyOf(number: number, changes: Partial<KeptPolicy> = {}): KeptPolicy {
  return {
    number,
    name: `p${number}`,
    document: '{"config":{}}',
    provenance: 'loopback',
    appliedAt: 1_000,
    ...changes,
  };
}

export function batchOf(bytes: Buffer | string, runId: string = randomUUID()): Batch {
  return {
    id: randomUUID(),
    run: { runId, policyName: 'p1', backend: 'b', appName: 'a', appVersion: '1' },
    entityCount: 3,
    bytes: Buffer.from(bytes),
  };
}

export function receiptOf(batch: Batch, changes: Partial<BatchReceipt> = {}): BatchReceipt {
  return {
    id: batch.id,
    runId: batch.run.runId,
    sequence: 1,
    parent: undefined,
    entityCount: batch.entityCount,
    byteLength: batch.bytes.byteLength,
    acceptedAt: Date.now(),
    keptAt: undefined,
    firstSentAt: undefined,
    lastSentAt: undefined,
    tries: 0,
    settledAt: undefined,
    outcome: 'waiting',
    acknowledged: 0,
    lastError: '',
    ...changes,
  };
}
