/** A metric as a collector understands it. */
export interface ReceivedMetric {
  readonly name: string;
  readonly unit: string;
  readonly kind: 'sum' | 'histogram';
  readonly isMonotonic: boolean;
  readonly isCumulative: boolean;
  readonly points: readonly ReceivedPoint[];
}

export interface ReceivedPoint {
  readonly attributes: Record<string, string | number>;
  /** Of a sum; undefined where it was not sent as an integer. */
  readonly value?: number | undefined;
  readonly count?: number;
  readonly sum?: number;
  readonly bounds?: readonly number[];
  readonly buckets?: readonly number[];
}

export interface ReceivedExport {
  readonly resource: Record<string, string | number>;
  readonly scope: { readonly name: string; readonly version: string };
  readonly metrics: readonly ReceivedMetric[];
}

/** Reads an `ExportMetricsServiceRequest`, field by field, from its bytes. */
export function readExport(bytes: Buffer): ReceivedExport {
  const resourceMetrics = only(fieldsOf(bytes), 1);
  const scopeMetrics = only(resourceMetrics, 2);
  const scope = only(scopeMetrics, 1);
  return {
    resource: attributesOf(only(resourceMetrics, 1), 1),
    scope: { name: textOf(scope, 1), version: textOf(scope, 2) },
    metrics: messagesOf(scopeMetrics, 2).map(readMetric),
  };
}

const SUM = 7;
const HISTOGRAM = 9;
const CUMULATIVE = 2n;

function readMetric(metric: Fields): ReceivedMetric {
  const kind = metric.has(SUM) ? 'sum' : 'histogram';
  const data = only(metric, kind === 'sum' ? SUM : HISTOGRAM);
  return {
    name: textOf(metric, 1),
    unit: textOf(metric, 3),
    kind,
    isMonotonic: data.get(3)?.[0] === 1n,
    isCumulative: data.get(2)?.[0] === CUMULATIVE,
    points: messagesOf(data, 1).map(kind === 'sum' ? readNumber : readHistogram),
  };
}

function readNumber(point: Fields): ReceivedPoint {
  const value = point.get(6)?.[0];
  return {
    attributes: attributesOf(point, 7),
    value: Buffer.isBuffer(value) ? Number(value.readBigInt64LE()) : undefined,
  };
}

function readHistogram(point: Fields): ReceivedPoint {
  return {
    attributes: attributesOf(point, 9),
    count: Number(bytesOf(point, 4).readBigUInt64LE()),
    sum: bytesOf(point, 5).readDoubleLE(),
    bounds: eights(bytesOf(point, 7), (bytes, at) => bytes.readDoubleLE(at)),
    buckets: eights(bytesOf(point, 6), (bytes, at) => Number(bytes.readBigUInt64LE(at))),
  };
}

function attributesOf(owner: Fields, field: number): Record<string, string | number> {
  return Object.fromEntries(
    messagesOf(owner, field).map((pair) => {
      const value = only(pair, 2);
      const integer = value.get(3)?.[0];
      return [textOf(pair, 1), typeof integer === 'bigint' ? Number(integer) : textOf(value, 1)];
    }),
  );
}

/** A message's fields: varints as numbers, all else as bytes. */
type Fields = Map<number, (bigint | Buffer)[]>;

function fieldsOf(message: Buffer): Fields {
  const fields: Fields = new Map();
  let at = 0;
  const varint = (): bigint => {
    for (let value = 0n, shift = 0n; ; shift += 7n) {
      const byte = message.readUInt8(at++);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const take = (length: number): Buffer => {
    at += length;
    return message.subarray(at - length, at);
  };
  const readers: Record<number, () => bigint | Buffer> = {
    0: varint,
    1: () => take(8),
    2: () => take(Number(varint())),
    5: () => take(4),
  };
  while (at < message.length) {
    const tag = Number(varint());
    const read = readers[tag & 7];
    if (read === undefined) throw new Error(`wire type ${tag & 7} at byte ${at}`);
    fields.set(tag >> 3, [...(fields.get(tag >> 3) ?? []), read()]);
  }
  return fields;
}

function bytesOf(fields: Fields, field: number): Buffer {
  const value = fields.get(field)?.[0];
  if (!Buffer.isBuffer(value)) throw new Error(`field ${field} is not there`);
  return value;
}

function textOf(fields: Fields, field: number): string {
  return fields.has(field) ? bytesOf(fields, field).toString() : '';
}

function messagesOf(fields: Fields, field: number): Fields[] {
  return (fields.get(field) ?? []).filter((value) => Buffer.isBuffer(value)).map(fieldsOf);
}

function only(fields: Fields, field: number): Fields {
  const [message, ...others] = messagesOf(fields, field);
  if (message === undefined || others.length > 0) throw new Error(`field ${field} is not there once`);
  return message;
}

function eights<Value>(bytes: Buffer, read: (bytes: Buffer, at: number) => Value): Value[] {
  return Array.from({ length: bytes.length / 8 }, (_, index) => read(bytes, index * 8));
}
