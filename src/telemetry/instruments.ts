import { type Attributes, type Meter, ValueType } from '@opentelemetry/api';
import type { Events } from '../events.ts';
import type { Run } from '../run/run.ts';

const LATENCY = {
  unit: 'ms',
  advice: {
    explicitBucketBoundaries: [0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1_000, 2_500, 5_000, 7_500, 10_000],
  },
};
const COUNT = { unit: '1', valueType: ValueType.INT };

/** Counts what happens in the daemon (sheet: Metrics). Returns the function that takes it off the events again. */
export function countEvents(events: Events, meter: Meter): () => void {
  const undo = [
    ...countPolicies(events, meter),
    ...countRuns(events, meter),
    ...countRequests(events, meter),
  ];
  return () => {
    for (const off of undo) off();
  };
}

function countPolicies(events: Events, meter: Meter): readonly (() => void)[] {
  const active = meter.createUpDownCounter('active_policies', {
    ...COUNT,
    description: 'Policies that are applied',
  });
  return [
    events.on('policy:applied', ({ policy }) => active.add(1, { policy })),
    events.on('policy:deleted', ({ policy }) => active.add(-1, { policy })),
  ];
}

/**
 * Every execution ends as one success or one failure, so that these add up. A run that failed before its backend was
 * entered is an execution too; one that was skipped, or cancelled while it waited, is none.
 */
function countRuns(events: Events, meter: Meter): readonly (() => void)[] {
  const executions = meter.createCounter('policy_executions', {
    ...COUNT,
    description: 'Runs that were started',
  });
  const successes = meter.createCounter('backend_execution_success', {
    ...COUNT,
    description: 'Runs that ended well',
  });
  const failures = meter.createCounter('backend_execution_failure', {
    ...COUNT,
    description: 'Runs that ended badly',
  });
  const latency = meter.createHistogram('backend_execution_latency', {
    ...LATENCY,
    description: 'Time from the start of a run to its end, sending included',
  });
  const started = new Set<string>();

  const begin = (run: Readonly<Run>): void => {
    started.add(run.id);
    executions.add(1, { policy: run.policy });
  };
  const finish = (run: Readonly<Run>): void => {
    if (!started.has(run.id)) {
      if (run.status === 'skipped' || run.status === 'cancelled') return;
      begin(run);
    }
    started.delete(run.id);
    const attributes = attributesOf(run);
    (run.status === 'completed' ? successes : failures).add(1, attributes);
    latency.record(durationOf(run), attributes);
  };
  return [
    events.on('run:started', ({ run }) => begin(run)),
    events.on('run:finished', ({ run }) => finish(run)),
  ];
}

function countRequests(events: Events, meter: Meter): readonly (() => void)[] {
  const requests = meter.createCounter('api_requests', {
    ...COUNT,
    description: 'Requests that were answered',
  });
  const latency = meter.createHistogram('api_response_latency', {
    ...LATENCY,
    description: 'Time from a request to its answer',
  });
  return [
    events.on('api:answered', ({ route, method, statusCode, durationMs }) => {
      requests.add(1, { path: route, method });
      latency.record(durationMs, { path: route, method, status_code: statusCode });
    }),
  ];
}

function attributesOf({ policy, backend }: Readonly<Run>): Attributes {
  return { policy, backend: backend.name, app_name: backend.appName, app_version: backend.appVersion };
}

/** The host's clock may have been set back in between. */
function durationOf(run: Readonly<Run>): number {
  const endedAt = run.finishedAt ?? run.updatedAt;
  return Math.max(0, endedAt - (run.startedAt ?? run.createdAt));
}
