import { giveBack } from '../give-back.ts';

/** What a request says before and behind the entities of a batch takes less, but for very long names. */
const ROOM_BEFORE = 1024;
const ROOM_BEHIND = 1024;

/** Room would be a large part of smaller batches' memory, and copying those costs nothing. */
export const SMALLEST_WITH_ROOM = 64 * 1024;

/** Memory that holds the bytes of one batch and nothing else that anybody reads. */
const roomy = new WeakSet<ArrayBufferLike>();

/** Memory for the bytes of one batch, with room around them: a request is made there, see {@link joinAround}. */
export function roomyBytes(length: number): Buffer {
  const memory = Buffer.allocUnsafeSlow(ROOM_BEFORE + length + ROOM_BEHIND);
  roomy.add(memory.buffer);
  return memory.subarray(ROOM_BEFORE, ROOM_BEFORE + length);
}

/**
 * Joins parts to a message around the one that has {@link roomyBytes}, which stays where it is and is not copied.
 * Returns undefined when there is none, or when its room does not do.
 */
export function joinAround(parts: readonly Buffer[]): Buffer | undefined {
  const index = parts.findIndex(hasRoom);
  const bytes = parts[index];
  if (bytes === undefined) return undefined;
  const start = bytes.byteOffset - lengthOf(parts.slice(0, index));
  const end = bytes.byteOffset + lengthOf(parts.slice(index));
  if (start < 0 || end > bytes.buffer.byteLength) return undefined;
  const message = Buffer.from(bytes.buffer, start, end - start);
  let at = 0;
  for (const part of parts) {
    if (part !== bytes) part.copy(message, at);
    at += part.length;
  }
  return message;
}

/**
 * Frees the memory of a batch that has {@link roomyBytes}; any other is left to V8, as what else lies in its memory may
 * be in use. Nobody may use the bytes any more, nor a message around them. A receiver may answer, and reset the
 * call, while some of the message still waits in the system's hands: that is a copy, as gRPC puts its own five bytes in
 * front of each.
 */
export function giveRoomBack(bytes: Buffer): void {
  if (hasRoom(bytes)) giveBack(bytes);
}

export function lengthOf(parts: readonly Buffer[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}

/** A part of them has none: the rest of the batch lies there. */
function hasRoom({ buffer, byteOffset, length }: Buffer): boolean {
  return (
    roomy.has(buffer) &&
    length === buffer.byteLength - ROOM_BEFORE - ROOM_BEHIND &&
    byteOffset === ROOM_BEFORE
  );
}
