/** Reads protobuf that was written here: it is not checked. */
export class WireReader {
  bytes: Buffer = Buffer.alloc(0);
  position = 0;

  /** A number of at most 53 bits. */
  varint(): number {
    const { bytes } = this;
    let byte = bytes[this.position++] ?? 0;
    let value = byte & 127;
    for (let scale = 128; byte > 127; scale *= 128) {
      byte = bytes[this.position++] ?? 0;
      value += (byte & 127) * scale;
    }
    return value;
  }

  /** A signed number of 64 bits as decimal digits. */
  int64Text(): string {
    const start = this.position;
    const value = this.varint();
    if (Number.isSafeInteger(value)) return String(value);
    let exact = 0n;
    for (let i = this.position - 1; i >= start; i--) {
      exact = (exact << 7n) | BigInt((this.bytes[i] ?? 0) & 127);
    }
    return String(BigInt.asIntN(64, exact));
  }

  double(): number {
    const value = this.bytes.readDoubleLE(this.position);
    this.position += 8;
    return value;
  }
}
