import { randomUUID } from 'node:crypto';
import type { BatchReceipt } from '../../src/delivery/batch-store.ts';
import type { KeptPolicy } from '../../src/policy/policy-store.ts';
import type { Run } from '../../src/run/run.ts';
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

export function runOf(sequence: number, changes: Partial<Run> = {}): Run {
  return {
    id: randomUUID(),
    sequence,
    policy: 'p1',
    policyNumber: 1,
    trigger: 'cron',
    retryOf: undefined,
    retries: 0,
    backend: { package: 'b', version: '1.0.0', name: 'b', appName: 'a', appVersion: '1' },
    dueAt: 1_000,
    createdAt: Date.now(),
    status: 'pending',
    reason: '',
    verdict: undefined,
    retryAt: undefined,
    entityCount: 0,
    batches: 0,
    bytes: 0,
    usage: undefined,
    progress: undefined,
    startedAt: undefined,
    finishedAt: undefined,
    updatedAt: 1_000,
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
