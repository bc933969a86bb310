import type { BatchEncoding } from '../sink/contract.ts';

/**
 * Where each entity of an encoded batch begins, and last where the bytes end: fields of protobuf with a length, one
 * after another. undefined where a batch cannot be cut: it is text, or not what `entityCount` says.
 */
export function findCuts(
  bytes: Buffer,
  encoding: BatchEncoding,
  entityCount: number,
): readonly number[] | undefined {
  if (encoding === 'json') return undefined;
  const cuts = [0];
  for (let at = 0; at < bytes.length; ) {
    at = endOfField(bytes, at);
    if (at < 0 || at > bytes.length) return undefined;
    cuts.push(at);
  }
  return cuts.length === entityCount + 1 ? cuts : undefined;
}

/** The cut that is nearest to the middle of the bytes, with at least one entity on either side of it. */
export function middleCut(cuts: readonly number[]): number {
  const half = (cuts.at(-1) ?? 0) / 2;
  const behind = cuts.findIndex((cut) => cut >= half);
  const isNearer = (cuts[behind] ?? 0) - half <= half - (cuts[behind - 1] ?? 0);
  return Math.min(Math.max(isNearer ? behind : behind - 1, 1), cuts.length - 2);
}

/** The end of the field that begins at `at`; -1 when none that has a length begins there. */
function endOfField(bytes: Buffer, at: number): number {
  const LENGTH_DELIMITED = 2;
  if (((bytes[at] ?? 0) & 7) !== LENGTH_DELIMITED) return -1;
  let position = at;
  while ((bytes[position] ?? 0) > 127) position++;
  position++;
  let length = 0;
  for (let scale = 1; ; scale *= 128) {
    const byte = bytes[position++];
    if (byte === undefined || scale > Number.MAX_SAFE_INTEGER) return -1;
    length += (byte & 127) * scale;
    if (byte < 128) return position + length;
  }
}
