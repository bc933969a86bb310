import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Logger, pino } from 'pino';
import { onTestFinished } from 'vitest';
import { type Clock, systemClock } from '../../src/clock.ts';
import type { BatchReceipt } from '../../src/delivery/batch-store.ts';
import type { KeptPolicy } from '../../src/policy/policy-store.ts';
import type { Run } from '../../src/run/run.ts';
import type { Batch } from '../../src/sink/contract.ts';
import type { StateBounds } from '../../src/state/bounds.ts';
import type { State } from '../../src/state/contract.ts';
import { openState } from '../../src/state/open-state.ts';

const MIB = 1024 * 1024;

/** A directory that is gone after the test. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'orb-state-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

interface Opening {
  readonly clock?: Clock;
  readonly log?: Logger;
  readonly bounds?: Partial<StateBounds>;
}

/** Opens the state in a directory; whoever does not close it leaves that to the end of the test. */
export async function open(directory: string, { clock, log, bounds }: Opening = {}): Promise<State> {
  const state = await openState({
    directory,
    clock: clock ?? systemClock,
    log: log ?? pino({ level: 'silent' }),
    bounds: { historyRuns: 100, historyAgeMs: 30 * 86_400_000, dataMaxBytes: 512 * MIB, ...bounds },
  });
  onTestFinished(() => state.close());
  return state;
}

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

export function keep(state: State, batch: Batch, changes: Partial<BatchReceipt> = {}): Promise<void> {
  return state.batches.keep(batch, receiptOf(batch, changes), 'diode', 'p1');
}
