import type { Run, RunStatus } from '../../src/run/run.ts';

let sequence = 0;

/** A run as events carry it; times are milliseconds from a fixed moment. */
export function aRun(status: RunStatus, fields: Partial<Run> = {}): Run {
  sequence += 1;
  const at = Date.UTC(2026, 0, 1);
  return {
    id: `run-${sequence}`,
    sequence,
    policy: 'edge',
    trigger: 'cron',
    policyNumber: 0,
    retryOf: undefined,
    retries: 0,
    verdict: undefined,
    retryAt: undefined,
    backend: {
      package: 'host',
      version: '1.0.0',
      name: 'host_backend',
      appName: 'host app',
      appVersion: '1.2',
    },
    dueAt: at,
    createdAt: at,
    status,
    reason: '',
    entityCount: 0,
    batches: 0,
    bytes: 0,
    usage: undefined,
    progress: undefined,
    startedAt: at,
    finishedAt: at + 120,
    updatedAt: at + 120,
    ...fields,
  };
}
