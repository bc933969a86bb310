import fc from 'fast-check';

type Edit = (bytes: Buffer, other: Buffer) => Buffer;

const LARGEST_INPUT = 2 ** 17;
const MOST_EDITS = 10;
const MOST_REPEATS = 2 ** 12;

const place = fc.nat({ max: 2 ** 16 });
const length = fc.oneof(fc.nat({ max: 8 }), fc.nat({ max: 2 ** 12 }));

/** Seeds that were changed here and there and spliced, words put together, and any bytes. */
export function inputsFrom(seeds: readonly Buffer[], words: readonly string[]): fc.Arbitrary<Buffer> {
  const known = [Buffer.alloc(0), ...seeds].toSorted((one, other) => one.length - other.length);
  const seed = fc.constantFrom(...known);
  const word = fc.constantFrom('', ...words).map((text) => Buffer.from(text));
  const anyBytes = fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes));
  const edits = fc.array(editOf(fc.oneof(word, anyBytes)), { maxLength: MOST_EDITS });
  const mutated = fc
    .tuple(seed, seed, edits)
    .map(([first, other, changes]) =>
      changes.reduce((bytes, change) => change(bytes, other).subarray(0, LARGEST_INPUT), first),
    );
  const spoken = fc.array(
    fc.oneof(
      word,
      fc.string({ maxLength: 4 }).map((text) => Buffer.from(text)),
    ),
  );
  return fc.oneof(
    { weight: 6, arbitrary: mutated },
    { weight: 2, arbitrary: spoken.map((parts) => Buffer.concat(parts)) },
    { weight: 1, arbitrary: anyBytes },
  );
}

function editOf(piece: fc.Arbitrary<Buffer>): fc.Arbitrary<Edit> {
  return fc.oneof(
    fc.tuple(place, fc.nat({ max: 7 })).map(
      ([at, bit]): Edit =>
        (bytes) =>
          flip(bytes, at, bit),
    ),
    fc.tuple(place, length, piece).map(
      ([at, removed, inserted]): Edit =>
        (bytes) =>
          spliced(bytes, at, removed, inserted),
    ),
    fc.tuple(place, piece).map(
      ([at, inserted]): Edit =>
        (bytes) =>
          spliced(bytes, at, 0, inserted),
    ),
    fc.tuple(place, length, fc.nat({ max: MOST_REPEATS })).map(
      ([at, long, times]): Edit =>
        (bytes) =>
          repeated(bytes, at, long, times),
    ),
    fc.tuple(place, place).map(
      ([end, from]): Edit =>
        (bytes, other) =>
          Buffer.concat([
            bytes.subarray(0, end % (bytes.length + 1)),
            other.subarray(from % (other.length + 1)),
          ]),
    ),
  );
}

function flip(bytes: Buffer, at: number, bit: number): Buffer {
  if (bytes.length === 0) return bytes;
  const copy = Buffer.from(bytes);
  const index = at % copy.length;
  copy.writeUInt8(copy.readUInt8(index) ^ (1 << bit), index);
  return copy;
}

function spliced(bytes: Buffer, at: number, removed: number, inserted: Buffer): Buffer {
  const from = at % (bytes.length + 1);
  return Buffer.concat([bytes.subarray(0, from), inserted, bytes.subarray(from + removed)]);
}

function repeated(bytes: Buffer, at: number, long: number, times: number): Buffer {
  const from = at % (bytes.length + 1);
  const part = bytes.subarray(from, from + long);
  const room = Math.floor(LARGEST_INPUT / Math.max(1, part.length));
  const parts = Array.from({ length: Math.min(times, room) }, () => part);
  return Buffer.concat([bytes.subarray(0, from), ...parts, bytes.subarray(from)]);
}

/** Takes away of an input what is not needed to fail, for at most `timeMs`. */
export async function shrink(
  input: Buffer,
  fails: (input: Buffer) => Promise<boolean>,
  timeMs: number,
): Promise<Buffer> {
  const endsAt = performance.now() + timeMs;
  let smallest = input;
  for (let size = Math.ceil(input.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < smallest.length && performance.now() < endsAt; ) {
      const shorter = Buffer.concat([smallest.subarray(0, at), smallest.subarray(at + size)]);
      if (await fails(shorter)) smallest = shorter;
      else at += size;
    }
  }
  return smallest;
}
