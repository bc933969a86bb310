import type { Events } from '../../src/events.ts';
import { moveTo, type Run } from '../../src/run/run.ts';
import { runOf } from '../support/runs.ts';

let sequence = 0;

/** A run that has just been opened. */
export function openedRun(policy: string, changes: Partial<Run> = {}): Run {
  const createdAt = changes.createdAt ?? Date.UTC(2026, 0, 2, 3, 4, 5, 678);
  return runOf(sequence++, {
    policy,
    trigger: 'once',
    policyNumber: 0,
    backend: { package: 'pkg', version: '1.0.0', name: 'sample', appName: 'app', appVersion: '2.0' },
    dueAt: createdAt,
    createdAt,
    updatedAt: createdAt,
    ...changes,
  });
}

/** Takes a run through its states, and tells the listeners as the daemon does. */
export function finish(
  events: Events,
  run: Run,
  status: 'completed' | 'failed' | 'cancelled',
  reason = '',
): Run {
  const end = run.createdAt + 1_250;
  moveTo(run, 'running', run.createdAt + 10);
  events.emit('run:started', { run });
  if (status === 'completed') moveTo(run, 'delivering', end);
  run.reason = reason;
  moveTo(run, status, end);
  events.emit('run:finished', { run });
  return run;
}
