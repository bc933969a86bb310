import { DESCRIPTIONS } from '../descriptions.ts';
import type { Outcomes, PolicyTally, Tally } from '../tally.ts';
import { type Family, family, histogramSamples, labels, sample, single } from './text.ts';

/** Policies that get series of their own. */
const MOST_POLICIES = 10_000;

/**
 * The sheet's metrics, named as an OpenTelemetry collector names them when it hands them to Prometheus, so that
 * dashboards fit both ways (sheet: Metrics). Policies that were deleted are not in it.
 */
export function policyFamilies(tally: Tally): readonly Family[] {
  const active = [...tally.policies.values()].filter(({ isActive }) => isActive);
  const shown = active.slice(0, MOST_POLICIES);
  return [
    ofPolicies('gauge', 'active_policies', DESCRIPTIONS.active_policies, shown, () => 1),
    ofPolicies(
      'counter',
      'policy_executions_total',
      DESCRIPTIONS.policy_executions,
      shown,
      ({ executions }) => executions,
    ),
    ofOutcomes(
      'counter',
      'backend_execution_success_total',
      DESCRIPTIONS.backend_execution_success,
      shown,
      ({ successes }, name, inBraces) => sample(name, inBraces, successes),
    ),
    ofOutcomes(
      'counter',
      'backend_execution_failure_total',
      DESCRIPTIONS.backend_execution_failure,
      shown,
      ({ failures }, name, inBraces) => sample(name, inBraces, failures),
    ),
    ofOutcomes(
      'histogram',
      'backend_execution_latency_milliseconds',
      DESCRIPTIONS.backend_execution_latency,
      shown,
      ({ latency }, name, inBraces) => histogramSamples(name, inBraces, latency),
    ),
    single('gauge', 'orb_worker_policies', 'Policies that are applied, all together', () => active.length),
    single(
      'gauge',
      'orb_worker_policies_left_out',
      'Policies without series of their own: there are too many',
      () => active.length - shown.length,
    ),
  ];
}

/** The sheet's metrics of the API. */
export function requestFamilies(tally: Tally): readonly Family[] {
  const requests = 'api_requests_total';
  const latency = 'api_response_latency_milliseconds';
  return [
    family('counter', requests, DESCRIPTIONS.api_requests, function* () {
      for (const { path, method, count } of tally.requestCounts()) {
        yield sample(requests, labels({ path, method }), count);
      }
    }),
    family('histogram', latency, DESCRIPTIONS.api_response_latency, function* () {
      for (const { path, method, statusCode, latency: took } of tally.requests) {
        yield histogramSamples(latency, labels({ path, method, status_code: statusCode }), took);
      }
    }),
  ];
}

function ofPolicies(
  type: Family['type'],
  name: string,
  help: string,
  shown: readonly PolicyTally[],
  read: (tally: PolicyTally) => number,
): Family {
  return family(type, name, help, function* () {
    for (const tally of shown) yield sample(name, labels({ policy: tally.policy }), read(tally));
  });
}

function ofOutcomes(
  type: Family['type'],
  name: string,
  help: string,
  shown: readonly PolicyTally[],
  textOf: (one: Outcomes, name: string, inBraces: string) => string,
): Family {
  return family(type, name, help, function* () {
    for (const { policy, outcomes } of shown) {
      for (const one of outcomes) {
        const { name: backend, appName: app_name, appVersion: app_version } = one.backend;
        yield textOf(one, name, labels({ policy, backend, app_name, app_version }));
      }
    }
  });
}
