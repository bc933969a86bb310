/**
 * Frees a buffer's memory at once, instead of when V8 looks for garbage: it looks through its whole heap for every 64 MB of
 * buffers, and until then each one takes memory that nobody has touched before. Nobody may use the buffer any more, or
 * what else lies in the same memory.
 */
export function giveBack(buffer: Buffer): void {
  if (buffer.buffer instanceof ArrayBuffer) buffer.buffer.transfer(0);
}
