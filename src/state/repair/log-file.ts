/** SQLite's log of changes (WAL): https://www.sqlite.org/fileformat2.html#the_write_ahead_log */
const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
/** The last bit says whether checksums are of big-endian words. */
const MAGIC = 0x377f0682;
const VERSION = 3_007_000;
/** Where salts and checksum stand in the header of the file. */
const SALTS_AT = 16;
const HEADER_SUM_AT = 24;
/** Where a frame says that it ends a transaction. */
const COMMIT_AT = 4;
/** Where they stand in the header of a frame. */
const FRAME_SALTS_AT = 8;
const FRAME_SUM_AT = 16;

type Sum = readonly [first: number, second: number];

/**
 * What a log says when a few of its bytes are damaged: SQLite reads none of what comes behind the first of them.
 * Returns the log with checksums that fit, or undefined when all that was written to it can be read as it is. Not to be
 * asked after the machine has died: then a log may end anyhow.
 */
export function readableLog(log: Buffer, pageBytes: number): Buffer | undefined {
  const frames = framesOf(log, pageBytes);
  const [first] = frames;
  if (!first) return undefined;
  const isHeaderSound = hasSoundHeader(log, pageBytes);
  const salts = isHeaderSound ? log.subarray(SALTS_AT, HEADER_SUM_AT) : saltsOf(first);
  const { accepted, isDamaged } = follow(frames, salts, sumAt(log, HEADER_SUM_AT), isBigEndian(log));
  if (accepted.length === 0 || (isHeaderSound && !isDamaged)) return undefined;
  return rewritten(accepted, salts, pageBytes);
}

function framesOf(log: Buffer, pageBytes: number): Buffer[] {
  const size = FRAME_HEADER_BYTES + pageBytes;
  const frames: Buffer[] = [];
  for (let at = HEADER_BYTES; at + size <= log.length; at += size) frames.push(log.subarray(at, at + size));
  return frames;
}

function hasSoundHeader(log: Buffer, pageBytes: number): boolean {
  return (
    (log.readUInt32BE(0) & ~1) >>> 0 === MAGIC &&
    log.readUInt32BE(8) === pageBytes &&
    isSame(sumOf(log.subarray(0, HEADER_SUM_AT), [0, 0], isBigEndian(log)), sumAt(log, HEADER_SUM_AT))
  );
}

/** Frames of one round of the log, those of damaged content among them where the ones behind prove that they belong there. */
function follow(
  frames: readonly Buffer[],
  salts: Buffer,
  start: Sum,
  bigEndian: boolean,
): { accepted: Buffer[]; isDamaged: boolean } {
  const accepted: Buffer[] = [];
  let sum = start;
  let firstDamaged = Number.POSITIVE_INFINITY;
  for (const [index, frame] of frames.entries()) {
    const stored = sumAt(frame, FRAME_SUM_AT);
    const computed = frameSum(frame, sum, bigEndian);
    if (saltsOf(frame).equals(salts) && isSame(stored, computed)) {
      sum = computed;
    } else {
      const next = frames[index + 1];
      const proof = next && [stored, computed].find((from) => continues(next, from, salts, bigEndian));
      if (!proof) break;
      firstDamaged = Math.min(firstDamaged, index);
      sum = proof;
    }
    accepted.push(frame);
  }
  // Frames of a transaction that was never committed need not fit: SQLite writes some of them twice.
  const isDamaged = accepted.slice(firstDamaged).some((frame) => frame.readUInt32BE(COMMIT_AT) !== 0);
  return { accepted, isDamaged };
}

function continues(frame: Buffer, sum: Sum, salts: Buffer, bigEndian: boolean): boolean {
  return saltsOf(frame).equals(salts) && isSame(frameSum(frame, sum, bigEndian), sumAt(frame, FRAME_SUM_AT));
}

function rewritten(frames: readonly Buffer[], salts: Buffer, pageBytes: number): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32BE(MAGIC, 0);
  header.writeUInt32BE(VERSION, 4);
  header.writeUInt32BE(pageBytes, 8);
  salts.copy(header, SALTS_AT);
  let sum = sumOf(header.subarray(0, HEADER_SUM_AT), [0, 0], false);
  putSum(header, HEADER_SUM_AT, sum);
  const copies = frames.map((frame) => {
    const copy = Buffer.from(frame);
    salts.copy(copy, FRAME_SALTS_AT);
    sum = frameSum(copy, sum, false);
    putSum(copy, FRAME_SUM_AT, sum);
    return copy;
  });
  return Buffer.concat([header, ...copies]);
}

function isBigEndian(log: Buffer): boolean {
  return log.readUInt32BE(0) === MAGIC + 1;
}

function saltsOf(frame: Buffer): Buffer {
  return frame.subarray(FRAME_SALTS_AT, FRAME_SUM_AT);
}

function frameSum(frame: Buffer, sum: Sum, bigEndian: boolean): Sum {
  return sumOf(frame.subarray(FRAME_HEADER_BYTES), sumOf(frame.subarray(0, 8), sum, bigEndian), bigEndian);
}

function sumOf(bytes: Buffer, [first, second]: Sum, bigEndian: boolean): Sum {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let [one, other] = [first, second];
  for (let at = 0; at + 8 <= bytes.length; at += 8) {
    one = (one + view.getUint32(at, !bigEndian) + other) | 0;
    other = (other + view.getUint32(at + 4, !bigEndian) + one) | 0;
  }
  return [one >>> 0, other >>> 0];
}

function sumAt(bytes: Buffer, at: number): Sum {
  return [bytes.readUInt32BE(at), bytes.readUInt32BE(at + 4)];
}

function putSum(bytes: Buffer, at: number, [first, second]: Sum): void {
  bytes.writeUInt32BE(first, at);
  bytes.writeUInt32BE(second, at + 4);
}

function isSame(one: Sum, other: Sum): boolean {
  return one[0] === other[0] && one[1] === other[1];
}
