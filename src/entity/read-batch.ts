import type { BatchEncoding } from '../sink/contract.ts';
import { logRecordBody } from './otlp-record.ts';
import { WireReader } from './wire-reader.ts';
import { entityJson } from './wire-to-json.ts';

/**
 * The entities of a batch that was encoded here, each as proto3 JSON without white space; read while they are asked
 * for. Throws for bytes that are no batch.
 */
export function* entityTexts(bytes: Buffer, encoding: BatchEncoding): Generator<string> {
  if (encoding === 'json') {
    const entities: unknown[] = JSON.parse(`[${bytes.toString()}]`);
    for (const entity of entities) yield JSON.stringify(entity);
    return;
  }
  for (const message of messagesOf(bytes)) {
    yield encoding === 'otlp' ? logRecordBody(message) : entityJson(message);
  }
}

/** The messages that a batch is made of, without their tags and lengths. */
function* messagesOf(bytes: Buffer): Generator<Buffer> {
  const reader = new WireReader();
  reader.bytes = bytes;
  while (reader.position < bytes.length) {
    reader.varint();
    const length = reader.varint();
    const start = reader.position;
    reader.position += length;
    if (reader.position > bytes.length) throw new Error('the batch ends within an entity');
    yield bytes.subarray(start, reader.position);
  }
}
