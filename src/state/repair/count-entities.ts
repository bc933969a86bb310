import { WireReader } from '../../entity/wire-reader.ts';
import type { BatchEncoding } from '../../sink/contract.ts';

/** How many entities a batch holds; undefined: these bytes are none that was encoded here. */
export function countEntities(bytes: Uint8Array, encoding: BatchEncoding): number | undefined {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    return encoding === 'json' ? countValues(buffer) : countMessages(buffer);
  } catch {
    return undefined;
  }
}

function countValues(json: Buffer): number {
  const values: unknown[] = JSON.parse(`[${json.toString()}]`);
  return values.length;
}

/** A batch is a list of tags, lengths and messages. */
function countMessages(bytes: Buffer): number | undefined {
  const reader = new WireReader();
  reader.bytes = bytes;
  let count = 0;
  for (; reader.position < bytes.length; count++) {
    reader.varint();
    const length = reader.varint();
    reader.position += length;
    if (reader.position > bytes.length) return undefined;
  }
  return count;
}
