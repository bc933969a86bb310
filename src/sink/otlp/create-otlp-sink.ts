import type { Logger } from 'pino';
import type { Clock } from '../../clock.ts';
import { type Batch, type Sink, SinkError } from '../contract.ts';
import { sinkErrorOf } from '../grpc/call-failure.ts';
import { GrpcClient } from '../grpc/client.ts';
import { HealthRecord } from '../health.ts';
import { readRoute } from '../route.ts';
import { type Sender, sdkVersion } from '../sender.ts';
import { describeTarget, type Target } from '../target.ts';
import { readPartialSuccess } from './reply.ts';
import { encodeExportRequest } from './request.ts';

export interface OtlpSinkOptions {
  readonly target: Target;
  readonly appNamePrefix: string | undefined;
  readonly version: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly env: NodeJS.ProcessEnv;
}

const EXPORT = '/opentelemetry.proto.collector.logs.v1.LogsService/Export';
const CALL_DEADLINE_MS = 10_000;
const LONGEST_MESSAGE = 1000;

/** Sends batches (encoding `otlp`) as log records to an OTLP collector, without credentials. (sheet: OTLP logs) */
export function createOtlpSink(options: OtlpSinkOptions): Sink {
  const { target, appNamePrefix, version, clock, env } = options;
  const log = options.log.child({ module: 'sink.otlp' });
  const sender: Sender = { name: 'orb-worker-otlp', version: sdkVersion(version), appNamePrefix };
  const health = new HealthRecord(log, `OTLP collector at ${describeTarget(target)}`);
  let client: GrpcClient | undefined;

  const exportBatch = async (batch: Batch, signal: AbortSignal): Promise<void> => {
    if (client === undefined) throw new Error('the sink was not started');
    const reply = await client.call(EXPORT, encodeExportRequest(batch, sender), {}, signal);
    const { rejectedRecords, message } = readPartialSuccess(reply);
    const words = message.slice(0, LONGEST_MESSAGE);
    if (rejectedRecords > 0) {
      const count = `${rejectedRecords} of ${batch.entityCount} log records rejected`;
      // A collector does not say which.
      const of = rejectedRecords >= batch.entityCount ? 'all' : 'unknown';
      throw new SinkError('rejected', `Chunk ingestion failed: ${count}: ${words}`, { refusal: { of } });
    }
    if (words !== '') log.warn(`The collector took a batch and says: ${words}`);
  };

  return {
    encoding: 'otlp',
    async start() {
      log.info(
        `Entities go to ${describeTarget(target)} as OTLP log records: without --diode-client-id it is no Diode`,
      );
      const route = await readRoute(target, env);
      // No keepalive: many collectors cut off who pings them (sheet).
      client = new GrpcClient({
        route,
        userAgent: `orb-worker/${version}`,
        keepaliveMs: undefined,
        deadlineMs: CALL_DEADLINE_MS,
        clock,
      });
    },
    async send(batch, signal) {
      try {
        await exportBatch(batch, signal);
        health.good();
      } catch (thrown) {
        if (signal.aborted)
          throw new SinkError('unavailable', 'Given up before the collector acknowledged it');
        const error = sinkErrorOf(thrown);
        if (error.kind === 'rejected') health.good();
        else health.bad(error.message);
        throw error;
      }
    },
    health: () => ({ ...health.current, channel: client?.state ?? 'none' }),
    async close() {
      client?.close();
    },
  };
}
