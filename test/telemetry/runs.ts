import type { Run, RunStatus } from '../../src/run/run.ts';
import { runOf } from '../support/runs.ts';

let sequence = 0;

/** A run as events carry it; times are milliseconds from a fixed moment. */
export function aRun(status: RunStatus, fields: Partial<Run> = {}): Run {
  sequence += 1;
  const at = Date.UTC(2026, 0, 1);
  return runOf(sequence, {
    id: `run-${sequence}`,
    policy: 'edge',
    policyNumber: 0,
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
    startedAt: at,
    finishedAt: at + 120,
    updatedAt: at + 120,
    ...fields,
  });
}
