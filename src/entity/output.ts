/** Bytes that grow at the end. */
export class Output {
  buffer: Buffer;
  /** Where the next byte goes. */
  position = 0;

  constructor(capacity: number) {
    this.buffer = Buffer.allocUnsafeSlow(capacity);
  }

  /** Makes room for this many more bytes; `buffer` may be another one afterwards. */
  reserve(bytes: number): void {
    if (this.position + bytes > this.buffer.length) this.grow(bytes);
  }

  protected grow(bytes: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(this.buffer.length * 2, this.position + bytes));
    this.buffer.copy(grown, 0, 0, this.position);
    this.buffer = grown;
  }

  /** Writes one byte; there must be room. */
  byte(byte: number): void {
    this.buffer[this.position++] = byte;
  }

  /** Writes these bytes; there must be room. */
  bytes(bytes: Uint8Array): void {
    this.buffer.set(bytes, this.position);
    this.position += bytes.length;
  }

  /** Writes an unsigned number of at most 53 bits; there must be room. */
  varint(value: number): void {
    const { buffer } = this;
    let { position } = this;
    let rest = value;
    while (rest > 0x7fffffff) {
      buffer[position++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    while (rest > 127) {
      buffer[position++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    buffer[position++] = rest;
    this.position = position;
  }

  /**
   * Puts the length in front of what was written since `start`, where one byte was left for it, and moves that up when
   * the length needs more.
   */
  closeLength(start: number): void {
    const length = this.position - start;
    if (length < 128) {
      this.buffer[start - 1] = length;
      return;
    }
    const extra = varintSize(length) - 1;
    this.reserve(extra);
    this.buffer.copyWithin(start + extra, start, this.position);
    this.position = start - 1;
    this.varint(length);
    this.position += length;
  }

  /** Hands over what was written up to `end` and goes on with what comes after `from`. */
  take(end: number, from = end): Buffer {
    const { buffer, position } = this;
    const taken = buffer.subarray(0, end);
    // A part of a big buffer would keep the whole of it in memory.
    if (end < buffer.length / 2) {
      const copy = Buffer.from(taken);
      buffer.copyWithin(0, from, position);
      this.position = position - from;
      return copy;
    }
    this.buffer = Buffer.allocUnsafeSlow(Math.max(buffer.length, position - from));
    buffer.copy(this.buffer, 0, from, position);
    this.position = position - from;
    return taken;
  }
}

/** How many bytes {@link Output.varint} takes for this number. */
export function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest > 127; rest = Math.floor(rest / 128)) size++;
  return size;
}
