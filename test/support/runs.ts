import { randomUUID } from 'node:crypto';
import type { Run } from '../../src/run/run.ts';

/** A run that was opened for a moment of its policy's schedule, but for what `changes` says. */
export function runOf(sequence: number, changes: Partial<Run> = {}): Run {
  return {
    id: randomUUID(),
    sequence,
    policy: 'p1',
    policyNumber: 1,
    trigger: 'cron',
    origin: changes.trigger ?? 'cron',
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
