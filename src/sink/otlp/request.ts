import type { Batch } from '../contract.ts';
import { field, fieldHead } from '../protobuf.ts';
import { platformText, producerAppName, runMetadata, type Sender } from '../sender.ts';

/** Field numbers of the messages round the log records. */
const RESOURCE_LOGS = 1;
const RESOURCE = 1;
const SCOPE_LOGS = 2;
const SCOPE = 1;
const ATTRIBUTES = 1;

/**
 * A batch (encoding `otlp`) as an `ExportLogsServiceRequest` (sheet: OTLP logs), in parts to be joined: its log records
 * are the last thing in each of the messages round them, and so need not be copied here.
 */
export function encodeExportRequest(batch: Batch, sender: Sender): readonly Buffer[] {
  const resource = field(RESOURCE, ...resourceAttributes(batch, sender));
  const scope = field(SCOPE, field(1, sender.name), field(2, sender.version));
  const scopeLogsLength = scope.length + batch.bytes.length;
  const scopeLogsHead = fieldHead(SCOPE_LOGS, scopeLogsLength);
  const resourceLogsLength = resource.length + scopeLogsHead.length + scopeLogsLength;
  const head = fieldHead(RESOURCE_LOGS, resourceLogsLength);
  return [head, resource, scopeLogsHead, scope, batch.bytes];
}

function resourceAttributes({ run }: Batch, sender: Sender): Buffer[] {
  const metadata = Object.entries(runMetadata(run)).map(([key, value]) => [`diode.metadata.${key}`, value]);
  const attributes: Record<string, string> = {
    'service.name': producerAppName(run, sender),
    'service.version': run.appVersion,
    'os.description': platformText(),
    'process.runtime.version': process.versions.node,
    'diode.stream': 'latest',
    ...Object.fromEntries(metadata),
  };
  return Object.entries(attributes).map(([key, text]) => field(ATTRIBUTES, keyValue(key, text)));
}

/** A `KeyValue` whose value is an `AnyValue` of text. */
function keyValue(key: string, text: string): Buffer {
  return Buffer.concat([field(1, key), field(2, field(1, text))]);
}
