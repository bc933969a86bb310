import { type Attributes, type HrTime, ValueType } from '@opentelemetry/api';
import { emptyResource } from '@opentelemetry/resources';
import {
  AggregationTemporality,
  type CollectionResult,
  type DataPoint,
  DataPointType,
  type Histogram,
  type MetricData,
  type MetricProducer,
  type ScopeMetrics,
} from '@opentelemetry/sdk-metrics';
import type { Clock } from '../clock.ts';
import { DESCRIPTIONS, type MetricName } from './descriptions.ts';
import { LATENCY_BOUNDS_MS, type LatencyHistogram } from './histogram.ts';
import type { Outcomes, PolicyTally, Tally } from './tally.ts';

/** Tells the SDK what the tally holds, under the sheet's names (sheet: Metrics). */
export class TallyProducer implements MetricProducer {
  readonly #tally: Tally;
  readonly #scope: ScopeMetrics['scope'];
  readonly #clock: Clock;

  constructor(tally: Tally, scope: ScopeMetrics['scope'], clock: Clock) {
    this.#tally = tally;
    this.#scope = scope;
    this.#clock = clock;
  }

  async collect(): Promise<CollectionResult> {
    const times = { startTime: hrTime(this.#tally.startedAt), endTime: hrTime(this.#clock.now()) };
    const metrics = [...policyMetrics(this.#tally, times), ...requestMetrics(this.#tally, times)];
    // A metric without points is nothing to export.
    const told = metrics.filter(({ dataPoints }) => dataPoints.length > 0);
    const scopeMetrics = told.length === 0 ? [] : [{ scope: this.#scope, metrics: told }];
    // The SDK takes its own resource instead.
    return { resourceMetrics: { resource: emptyResource(), scopeMetrics }, errors: [] };
  }
}

type Times = Pick<DataPoint<unknown>, 'startTime' | 'endTime'>;

function policyMetrics({ policies }: Tally, times: Times): MetricData[] {
  const all = [...policies.values()];
  const executed = all.filter(({ executions }) => executions > 0);
  const outcomes = all.flatMap((tally) => tally.outcomes.map((one) => ({ tally, one })));
  const points = <Value>(read: (one: Outcomes) => Value): DataPoint<Value>[] =>
    outcomes.map(({ tally, one }) => ({
      ...times,
      attributes: attributesOf(tally, one),
      value: read(one),
    }));
  return [
    sum(
      'active_policies',
      false,
      all.map(({ policy, isActive }) => ({ ...times, attributes: { policy }, value: isActive ? 1 : 0 })),
    ),
    sum(
      'policy_executions',
      true,
      executed.map(({ policy, executions }) => ({ ...times, attributes: { policy }, value: executions })),
    ),
    sum(
      'backend_execution_success',
      true,
      points(({ successes }) => successes).filter(({ value }) => value > 0),
    ),
    sum(
      'backend_execution_failure',
      true,
      points(({ failures }) => failures).filter(({ value }) => value > 0),
    ),
    histogram(
      'backend_execution_latency',
      points(({ latency }) => snapshotOf(latency)),
    ),
  ];
}

function requestMetrics(tally: Tally, times: Times): MetricData[] {
  return [
    sum(
      'api_requests',
      true,
      Array.from(tally.requestCounts(), ({ path, method, count }) => ({
        ...times,
        attributes: { path, method },
        value: count,
      })),
    ),
    histogram(
      'api_response_latency',
      tally.requests.map(({ path, method, statusCode, latency }) => ({
        ...times,
        attributes: { path, method, status_code: statusCode },
        value: snapshotOf(latency),
      })),
    ),
  ];
}

function sum(name: MetricName, isMonotonic: boolean, dataPoints: DataPoint<number>[]): MetricData {
  return {
    descriptor: { name, description: DESCRIPTIONS[name], unit: '1', valueType: ValueType.INT },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
    dataPointType: DataPointType.SUM,
    isMonotonic,
    dataPoints,
  };
}

function histogram(name: MetricName, dataPoints: DataPoint<Histogram>[]): MetricData {
  return {
    descriptor: { name, description: DESCRIPTIONS[name], unit: 'ms', valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
    dataPointType: DataPointType.HISTOGRAM,
    dataPoints,
  };
}

function attributesOf({ policy }: PolicyTally, { backend }: Outcomes): Attributes {
  return { policy, backend: backend.name, app_name: backend.appName, app_version: backend.appVersion };
}

/** A copy: a call that waits for its turn tells of one moment. */
function snapshotOf({ counts, count, sum, min, max }: LatencyHistogram): Histogram {
  return { buckets: { boundaries: [...LATENCY_BOUNDS_MS], counts: [...counts] }, count, sum, min, max };
}

function hrTime(epochMs: number): HrTime {
  return [Math.floor(epochMs / 1_000), Math.round((epochMs % 1_000) * 1_000_000)];
}
