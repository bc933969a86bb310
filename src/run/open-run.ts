import { randomUUID } from 'node:crypto';
import type { RunnablePolicy } from './contract.ts';
import type { Run, RunBackend, RunTrigger } from './run.ts';

interface Opening {
  readonly sequence: number;
  /** Epoch ms, as `now`. */
  readonly dueAt: number;
  readonly now: number;
  /** The run that this one repeats. */
  readonly repeats: Readonly<Run> | undefined;
  readonly retries: number;
}

/** A new run of a policy, `pending`. */
export function openRun(
  policy: RunnablePolicy,
  trigger: RunTrigger,
  { sequence, dueAt, now, repeats, retries }: Opening,
): Run {
  return {
    id: randomUUID(),
    sequence,
    policy: policy.name,
    policyNumber: policy.number,
    trigger,
    origin: repeats?.origin ?? trigger,
    retryOf: repeats?.id,
    retries,
    backend: backendOf(policy),
    dueAt,
    createdAt: now,
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
    updatedAt: now,
  };
}

/** What the policy's runs are of at this moment. */
export function backendOf({ lease }: RunnablePolicy): RunBackend {
  const { name, app_name: appName, app_version: appVersion } = lease.description;
  return { package: lease.package.name, version: lease.package.version, name, appName, appVersion };
}
