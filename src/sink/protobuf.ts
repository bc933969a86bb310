const VARINT = 0;
const FIXED_64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED_32 = 5;

/** A field that holds bytes, a message, or text. Takes its content in parts so that big ones are copied only once. */
export function field(number: number, ...parts: readonly (Buffer | string)[]): Buffer {
  const content = parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part));
  const length = content.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([fieldHead(number, length), ...content]);
}

/** What stands before the `length` bytes of such a field. */
export function fieldHead(number: number, length: number): Buffer {
  return Buffer.from([...varint(number * 8 + LENGTH_DELIMITED), ...varint(length)]);
}

/** A `google.protobuf.Struct` of texts, without its own tag. */
export function structOf(values: Readonly<Record<string, string>>): Buffer {
  const entries = Object.entries(values).map(([key, value]) =>
    field(1, field(1, key), field(2, field(3, value))),
  );
  return Buffer.concat(entries);
}

/** One field of a message: a number for a varint, bytes for what has a length. */
export interface ReadField {
  readonly number: number;
  readonly value: number | Buffer;
}

/**
 * The fields of a small message, in their order; fields of fixed length are passed over. Throws `RangeError` on bytes that are no protobuf message.
 */
export function* readFields(message: Buffer): Generator<ReadField> {
  const cursor = { at: 0 };
  while (cursor.at < message.length) {
    const tag = readVarint(message, cursor);
    const number = Math.floor(tag / 8);
    switch (tag % 8) {
      case VARINT:
        yield { number, value: readVarint(message, cursor) };
        break;
      case LENGTH_DELIMITED:
        yield { number, value: take(message, cursor, readVarint(message, cursor)) };
        break;
      case FIXED_64:
        take(message, cursor, 8);
        break;
      case FIXED_32:
        take(message, cursor, 4);
        break;
      default:
        throw new RangeError(`wire type ${tag % 8} at byte ${cursor.at}`);
    }
  }
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest];
    bytes.push((rest % 128) + 128);
  }
}

/** Exact up to 2^53, which is more than anything here counts. */
function readVarint(message: Buffer, cursor: { at: number }): number {
  let value = 0;
  for (let scale = 1; scale < 2 ** 70; scale *= 128) {
    const byte = message.readUInt8(cursor.at);
    cursor.at += 1;
    value += (byte % 128) * scale;
    if (byte < 128) return value;
  }
  throw new RangeError(`a number that does not end at byte ${cursor.at}`);
}

function take(message: Buffer, cursor: { at: number }, length: number): Buffer {
  const end = cursor.at + length;
  if (end > message.length) throw new RangeError(`a field of ${length} bytes is cut off`);
  const bytes = message.subarray(cursor.at, end);
  cursor.at = end;
  return bytes;
}
