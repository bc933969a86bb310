/** What receivers take at most; pages that no message touches cost nothing. */
const CAPACITY = 4 * 1024 * 1024;
/** Smaller ones are as fast in memory of their own. */
const SMALLEST_WORTH_IT = 64 * 1024;
const MOST_KEPT = 4;

/**
 * Joins the parts of messages in buffers that are used again: new memory for each message of 3 MiB would cost a third
 * of the time that sending it takes.
 */
export class MessageBuffers {
  readonly #free: Buffer[] = [];

  /** The parts as one message. */
  join(parts: readonly Buffer[]): Buffer {
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    if (length < SMALLEST_WORTH_IT || length > CAPACITY) return Buffer.concat(parts, length);
    const buffer = this.#free.pop() ?? Buffer.allocUnsafeSlow(CAPACITY);
    let end = 0;
    for (const part of parts) end += part.copy(buffer, end);
    return buffer.subarray(0, end);
  }

  /** Nobody reads this message of ours any more. */
  release(message: Buffer): void {
    const reusable = message.buffer.byteLength === CAPACITY && message.byteOffset === 0;
    if (reusable && this.#free.length < MOST_KEPT) this.#free.push(Buffer.from(message.buffer));
  }
}
