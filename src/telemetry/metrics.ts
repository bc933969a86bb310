import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-grpc';
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from '@opentelemetry/resources';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import type { Logger } from 'pino';
import { type Clock, every, settlesWithin } from '../clock.ts';
import { messageOf } from '../errors.ts';
import { Fold } from './fold.ts';
import { type MetricsEndpoint, parseMetricsEndpoint } from './metrics-endpoint.ts';
import { TallyProducer } from './otlp-producer.ts';
import type { Tally } from './tally.ts';

export interface MetricsOptions {
  /** `--otel-endpoint`. */
  readonly endpoint: string;
  /** 0: no metrics, said in the log. */
  readonly periodSeconds: number;
  readonly tally: Tally;
  readonly log: Logger;
  readonly clock: Clock;
  /** The daemon's own. */
  readonly version: string;
}

export interface Metrics {
  /** Exports a last time, waits for that half a second at most, and releases everything. */
  stop(): Promise<void>;
}

const SCOPE = 'orb-worker';
const CALL_TIMEOUT_MS = 10_000;
const LAST_EXPORT_MS = 500;
/** So that a call stays under the 4 MiB that a gRPC server takes: a histogram's point has about 350 bytes. */
const POINTS_PER_CALL = 5_000;
/** The reader's own timer is never wanted: the clock calls for each export. */
const NEVER_MS = 2 ** 31 - 1;

/**
 * Exports the daemon's metrics over OTLP/gRPC every period (sheet: Metrics). A collector that cannot be reached costs
 * a folded line in the log, nothing else. Throws a `StartError` for an endpoint that does not parse.
 */
export function startMetrics(options: MetricsOptions): Metrics {
  const log = options.log.child({ module: 'worker.metrics' });
  const endpoint = parseMetricsEndpoint(options.endpoint);
  if (options.periodSeconds <= 0) {
    log.error('Failed to setup metrics export: --otel-export-period must be at least 1 second');
    return { stop: () => Promise.resolve() };
  }
  log.info(`Metrics are exported to ${endpoint.authority} every ${options.periodSeconds} s`);
  return beginExport(endpoint, { ...options, log });
}

function beginExport(endpoint: MetricsEndpoint, options: MetricsOptions): Metrics {
  const { clock, log, periodSeconds, tally, version } = options;
  const fold = new Fold(clock);
  const reader = new PeriodicExportingMetricReader({
    exporter: new ReportingExporter(endpoint.url, (error) =>
      fold.write(
        log,
        'warn',
        'export',
        `Unable to export metrics to ${endpoint.authority}: ${messageOf(error)}`,
      ),
    ),
    exportIntervalMillis: NEVER_MS,
    exportTimeoutMillis: CALL_TIMEOUT_MS,
    maxExportBatchSize: POINTS_PER_CALL,
    metricProducers: [new TallyProducer(tally, { name: SCOPE, version }, clock)],
  });
  const provider = new MeterProvider({ resource: resourceOf(version), readers: [reader] });
  const stopTicking = every(clock, periodSeconds * 1_000, () => reader.forceFlush().catch(() => {}));

  return {
    async stop() {
      stopTicking();
      await settlesWithin(clock, LAST_EXPORT_MS, provider.shutdown());
      fold.stop();
    },
  };
}

/** Tells of each call that failed; the SDK itself tells nobody. */
class ReportingExporter extends OTLPMetricExporter {
  readonly #onFailure: (error: Error) => void;

  constructor(url: string, onFailure: (error: Error) => void) {
    super({ url, timeoutMillis: CALL_TIMEOUT_MS });
    this.#onFailure = onFailure;
  }

  override export(...[metrics, done]: Parameters<OTLPMetricExporter['export']>): void {
    super.export(metrics, (result) => {
      if (result.error !== undefined) this.#onFailure(result.error);
      done(result);
    });
  }
}

/** `OTEL_RESOURCE_ATTRIBUTES` adds to what we say of ourselves, or overrules it. */
function resourceOf(version: string): ReturnType<typeof defaultResource> {
  const ours = resourceFromAttributes({ 'service.name': SCOPE, 'service.version': version });
  return defaultResource()
    .merge(ours)
    .merge(detectResources({ detectors: [envDetector] }));
}
