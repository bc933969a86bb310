import { varintSize } from './output.ts';
import type { Timestamp } from './timestamp.ts';

/** What the largest number of 64 bits takes, and each negative one. */
const LARGEST_VARINT_SIZE = 10;

/** Bytes of a field's number and wire type. */
export function tagSize(tag: number): number {
  return tag < 128 ? 1 : 2;
}

/** Bytes of something's length and of itself. */
export function framedSize(length: number): number {
  return (length < 128 ? 1 : varintSize(length)) + length;
}

export function int64Size(value: number | bigint): number {
  if (value < 0) return LARGEST_VARINT_SIZE;
  return typeof value === 'number' ? varintSize(value) : Math.ceil(value.toString(2).length / 7);
}

/** Bytes of a `google.protobuf.Timestamp`, without tag and length. */
export function momentSize({ seconds, nanos }: Timestamp): number {
  return (seconds === 0 ? 0 : 1 + int64Size(seconds)) + (nanos === 0 ? 0 : 1 + int64Size(nanos));
}
