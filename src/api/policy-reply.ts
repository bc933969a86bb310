import type { PolicyView, PolicyWarning, ValidatedPolicy } from '../policy/contract.ts';
import type { RunHistory } from '../run/contract.ts';
import type { CrashWaitReply, PolicyReply, PolicySummary, ValidationReply, WarningReply } from './replies.ts';
import { momentOf, runReplyOf } from './run-reply.ts';
import { RUNS_SHOWN, shownPolicyStatus } from './shown-status.ts';

/** A policy in the list of all. */
export function summaryOf(view: PolicyView, history: RunHistory): PolicySummary {
  const latest = history.latest(view.name, RUNS_SHOWN);
  const [newest] = latest;
  const { failure, setupFault } = view;
  return {
    name: view.name,
    status: failure === undefined && setupFault === undefined ? shownPolicyStatus(latest) : 'failed',
    next_run_at: momentOf(view.nextRunAt),
    backend: { package: view.backend.package, version: view.backend.version },
    crash_wait: view.crashWait ? crashWaitReplyOf(view.crashWait) : null,
    failure: failure ?? null,
    setup_fault: setupFault
      ? { reason: setupFault.reason, retry_at: new Date(setupFault.retryAt).toISOString() }
      : null,
    last_run: newest ? runReplyOf(newest) : null,
  };
}

/** Why and until when a package has to wait. */
export function crashWaitReplyOf({ until, reason }: NonNullable<PolicyView['crashWait']>): CrashWaitReply {
  return { until: new Date(until).toISOString(), reason };
}

/** A policy alone. */
export function policyReplyOf(view: PolicyView, history: RunHistory): PolicyReply {
  return {
    ...summaryOf(view, history),
    config: view.config,
    scope: view.scope,
    run: view.run,
    timezone: view.timezone,
    warnings: view.warnings.map(warningReplyOf),
  };
}

/** A policy that was looked at and not applied. */
export function validatedReplyOf(policy: ValidatedPolicy): ValidationReply['policies'][number] {
  const { name, backend, nextRunAt, warnings } = policy;
  return {
    name,
    backend: { package: backend.package, version: backend.version },
    next_run_at: momentOf(nextRunAt),
    warnings: warnings.map(warningReplyOf),
  };
}

function warningReplyOf({ field, line, column, message }: PolicyWarning): WarningReply {
  return { field, line: line ?? null, column: column ?? null, message };
}
