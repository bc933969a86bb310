/** How often a length-delimited field stands at the top of a protobuf message; throws on bytes that are none. */
export function countFields(message: Buffer, field: number): number {
  let count = 0;
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = message.readUInt8(at++);
      value += (byte & 0x7f) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const tag = varint();
    if (tag % 8 !== 2) throw new Error(`unexpected wire type ${tag % 8} at byte ${at}`);
    if (Math.floor(tag / 8) === field) count += 1;
    const length = varint();
    at += length;
  }
  if (at !== message.length) throw new Error('the last field is cut off');
  return count;
}

/** An IngestResponse with these errors. */
export function ingestReplyWithErrors(errors: readonly string[]): Buffer {
  return Buffer.concat(errors.map((text) => lengthDelimited(1, Buffer.from(text))));
}

/** A protobuf field of wire type 2. */
export function lengthDelimited(field: number, content: Buffer): Buffer {
  return Buffer.concat([varint(field * 8 + 2), varint(content.length), content]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return Buffer.from([...bytes, rest]);
}
