import { joinAround, lengthOf, SMALLEST_WITH_ROOM } from '../roomy-bytes.ts';

/** What receivers take at most; pages that no message touches cost nothing. */
const CAPACITY = 4 * 1024 * 1024;
const MOST_KEPT = 4;

/**
 * Joins the parts of messages: around the batch where that has room, else in buffers that are used again. New memory for
 * each message of 3 MiB would cost a third of the time that sending it takes.
 */
export class MessageBuffers {
  readonly #free: Buffer[] = [];
  readonly #used = new WeakSet<ArrayBufferLike>();

  /** The parts as one message. */
  join(parts: readonly Buffer[]): Buffer {
    const length = lengthOf(parts);
    if (length < SMALLEST_WITH_ROOM || length > CAPACITY) return Buffer.concat(parts, length);
    return joinAround(parts) ?? this.#joinInFree(parts);
  }

  /** Nobody reads this message of ours any more. */
  release(message: Buffer): void {
    const isOurs = this.#used.delete(message.buffer);
    if (isOurs && this.#free.length < MOST_KEPT) this.#free.push(Buffer.from(message.buffer));
  }

  #joinInFree(parts: readonly Buffer[]): Buffer {
    const buffer = this.#free.pop() ?? Buffer.allocUnsafeSlow(CAPACITY);
    this.#used.add(buffer.buffer);
    let end = 0;
    for (const part of parts) end += part.copy(buffer, end);
    return buffer.subarray(0, end);
  }
}
