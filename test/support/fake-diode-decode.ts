import { WireSchema } from './wire-schema.ts';

/** An IngestRequest, as proto3 JSON with the schema's own names. */
export interface DecodedIngest {
  readonly stream: string;
  readonly entities?: readonly Record<string, unknown>[];
  readonly id: string;
  readonly producer_app_name: string;
  readonly producer_app_version: string;
  readonly sdk_name: string;
  readonly sdk_version: string;
  readonly metadata: Record<string, unknown>;
}

let ingestSchema: WireSchema | undefined;
let exportSchema: WireSchema | undefined;

/** An IngestRequest's bytes, read by a general protobuf library. */
export function decodeIngest(bytes: Uint8Array): DecodedIngest {
  ingestSchema ??= new WireSchema('schema.json');
  return ingestSchema.decode('diode.v1.IngestRequest', bytes);
}

/** An OTLP logs request's bytes, read by a general protobuf library. */
export function decodeExport<T>(bytes: Uint8Array): T {
  exportSchema ??= new WireSchema('otlp-logs.json');
  return exportSchema.decode('opentelemetry.proto.collector.logs.v1.ExportLogsServiceRequest', bytes);
}
