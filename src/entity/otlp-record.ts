import { type Output, varintSize } from './output.ts';
import { WireReader } from './wire-reader.ts';

/** `log_records` of a `ScopeLogs`. */
const LOG_RECORDS = 0x12;
const TIME_UNIX_NANO = 0x09;
const BODY = 0x2a;
const STRING_VALUE = 0x0a;
/** severity_number 9, severity_text `INFO`. */
const SEVERITY = Buffer.from([0x10, 9, 0x1a, 4, ...Buffer.from('INFO')]);
const NANOSECONDS_OF_A_MILLISECOND = 1_000_000n;
const TIME_BYTES = 9;

/**
 * Appends a log record that carries an entity's JSON, framed for a `ScopeLogs` (schema facts, "OTLP").
 *
 * @param attributes see {@link kindAttribute}
 */
export function writeLogRecord(output: Output, json: Buffer, attributes: Buffer, nowMs: number): void {
  const bodyLength = 1 + varintSize(json.length) + json.length;
  const length = TIME_BYTES + SEVERITY.length + 1 + varintSize(bodyLength) + bodyLength + attributes.length;
  output.reserve(1 + varintSize(length) + length);
  output.byte(LOG_RECORDS);
  output.varint(length);
  output.byte(TIME_UNIX_NANO);
  output.position = output.buffer.writeBigUInt64LE(
    BigInt(nowMs) * NANOSECONDS_OF_A_MILLISECOND,
    output.position,
  );
  output.bytes(SEVERITY);
  output.byte(BODY);
  output.varint(bodyLength);
  output.byte(STRING_VALUE);
  output.varint(json.length);
  output.bytes(json);
  output.bytes(attributes);
}

/** The JSON in a log record that {@link writeLogRecord} wrote, its frame taken off. */
export function logRecordBody(record: Buffer): string {
  const reader = new WireReader();
  reader.bytes = record;
  reader.position = TIME_BYTES + SEVERITY.length + 1;
  reader.varint();
  reader.position += 1;
  const length = reader.varint();
  return record.toString('utf8', reader.position, reader.position + length);
}

/** The attribute that says of what kind a record's entity is. */
export function kindAttribute(kind: string): Buffer {
  const field = (tag: number, content: Uint8Array): Uint8Array =>
    Buffer.from([tag, content.length, ...content]);
  const key = field(0x0a, Buffer.from('diode.entity'));
  const value = field(0x12, field(STRING_VALUE, Buffer.from(kind)));
  return Buffer.from(field(0x32, Buffer.concat([key, value])));
}
