import type { Socket } from 'node:net';
import { giveBack } from '../give-back.ts';
import { roomyBytes, SMALLEST_WITH_ROOM } from '../sink/roomy-bytes.ts';

/** Taken before a package can put its own in its place. */
const { queueMicrotask } = globalThis;

/*
 * A frame: the length of its body (u32), its kind (u8), its body. Numbers are big-endian.
 *
 *   control  JSON, both ways
 *   batch    run (u32), entity count (u32), the encoded entities; from a child
 *   work     length of the JSON (u32), JSON, a policy's payload; to a child
 */

/** Bytes before a frame's body. */
export const FRAME_HEADER = 5;
/** Bytes before the entities in the body of a batch frame. */
export const BATCH_HEADER = 8;

/** JSON messages are small; whoever sends more is not what it should be. */
export const MAX_CONTROL_BYTES = 2 ** 20;
/** The body of a batch frame: one entity may be larger than a batch should be. */
export const MAX_BATCH_BYTES = 17 * 2 ** 20;

const kinds = ['control', 'batch', 'work'] as const;
export type FrameKind = (typeof kinds)[number];

/** What came is no frame, or none that is allowed now. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
}

export interface FrameReaderOptions {
  /** The longest body that a frame of this kind may have at this moment; below 0: none is expected. */
  readonly limitOf: (kind: FrameKind) => number;
  /** The body of a batch has memory of its own; any other may be a part of the chunk that it came with. */
  readonly onFrame: (kind: FrameKind, body: Buffer) => void;
}

/** Cuts a stream of bytes into frames: a body's memory is reserved once, a byte copied once at most. */
export class FrameReader {
  readonly #options: FrameReaderOptions;
  readonly #header = Buffer.alloc(FRAME_HEADER);
  #headerFilled = 0;
  #kind: FrameKind = 'control';
  #body: Buffer | undefined;
  #bodyFilled = 0;
  /** A part of the chunk was given to somebody. */
  #isShared = false;

  constructor(options: FrameReaderOptions) {
    this.#options = options;
  }

  /**
   * Takes the next bytes, however they were cut, and returns true if all of them were copied. Throws {@link FrameError};
   * the reader is of no use after that.
   */
  push(chunk: Buffer): boolean {
    let at = 0;
    this.#isShared = false;
    while (at < chunk.length) {
      at = this.#body === undefined ? this.#readHeader(chunk, at) : this.#readBody(this.#body, chunk, at);
    }
    return !this.#isShared;
  }

  #readHeader(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + FRAME_HEADER - this.#headerFilled);
    this.#headerFilled += chunk.copy(this.#header, this.#headerFilled, at, end);
    return this.#headerFilled < FRAME_HEADER ? end : this.#beginBody(chunk, end);
  }

  #beginBody(chunk: Buffer, at: number): number {
    this.#headerFilled = 0;
    const length = this.#header.readUInt32BE(0);
    const kind = kinds[this.#header.readUInt8(4)];
    if (kind === undefined) throw new FrameError('a frame of no known kind');
    if (length > this.#options.limitOf(kind)) {
      throw new FrameError(`a ${kind} frame of ${length} bytes, more than is allowed now`);
    }
    this.#kind = kind;
    const end = at + length;
    if (end <= chunk.length && kind !== 'batch') {
      this.#isShared = true;
      this.#options.onFrame(kind, chunk.subarray(at, end));
      return end;
    }
    this.#body = kind === 'batch' ? batchBody(length) : Buffer.allocUnsafeSlow(length);
    this.#bodyFilled = 0;
    return this.#readBody(this.#body, chunk, at);
  }

  #readBody(body: Buffer, chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + body.length - this.#bodyFilled);
    this.#bodyFilled += chunk.copy(body, this.#bodyFilled, at, end);
    if (this.#bodyFilled === body.length) {
      this.#body = undefined;
      this.#options.onFrame(this.#kind, body);
    }
    return end;
  }
}

/** What stands before the entities is read before a request takes its place. */
function batchBody(length: number): Buffer {
  if (length < SMALLEST_WITH_ROOM) return Buffer.allocUnsafeSlow(length);
  const entities = roomyBytes(length - BATCH_HEADER);
  return Buffer.from(entities.buffer, entities.byteOffset - BATCH_HEADER, length);
}

/** Room for a frame, its header written: the body begins at {@link FRAME_HEADER}. */
function beginFrame(kind: FrameKind, bodyLength: number, roomForBody: number): Buffer {
  const frame = Buffer.allocUnsafe(FRAME_HEADER + roomForBody);
  frame.writeUInt32BE(bodyLength, 0);
  frame.writeUInt8(kinds.indexOf(kind), 4);
  return frame;
}

/** A control frame around a JSON text. */
export function controlFrame(json: string): Buffer {
  const length = Buffer.byteLength(json);
  const frame = beginFrame('control', length, length);
  frame.write(json, FRAME_HEADER);
  return frame;
}

/** What stands before the entities of a batch frame. */
export function batchFrameHead(run: number, entityCount: number, byteCount: number): Buffer {
  const head = beginFrame('batch', BATCH_HEADER + byteCount, BATCH_HEADER);
  head.writeUInt32BE(run, FRAME_HEADER);
  head.writeUInt32BE(entityCount, FRAME_HEADER + 4);
  return head;
}

/** What stands before the payload of a work frame. */
export function workFrameHead(json: string, payloadBytes: number): Buffer {
  const length = Buffer.byteLength(json);
  const head = beginFrame('work', 4 + length + payloadBytes, 4 + length);
  head.writeUInt32BE(length, FRAME_HEADER);
  head.write(json, FRAME_HEADER + 4);
  return head;
}

/** The JSON text and the payload of a work frame's body. */
export function splitWork(body: Buffer): { json: string; payload: Buffer } {
  const payloadAt = 4 + body.readUInt32BE(0);
  return { json: body.toString('utf8', 4, payloadAt), payload: body.subarray(payloadAt) };
}

/** Larger parts are handed to the socket as they are, smaller ones are joined. */
const JOIN_BELOW = 2 ** 16;

/** Whoever sends this much at once lets the other side begin with it. */
const ENOUGH_TO_SEND = 2 ** 15;

/** Sends frames: those of one turn in as few writes as possible. */
export class FrameSender {
  readonly #socket: Socket;
  #parts: Buffer[] = [];
  #bytes = 0;
  /** Parts that nobody needs any more when they have gone. */
  readonly #passing = new WeakSet<Buffer>();

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Queues a frame, given in parts; it is on its way when the current turn is over, or as soon as there is enough. */
  send(...parts: readonly Buffer[]): void {
    if (this.#parts.length === 0) queueMicrotask(() => this.flush());
    for (const part of parts) {
      this.#parts.push(part);
      this.#bytes += part.length;
    }
    if (this.#bytes >= ENOUGH_TO_SEND) this.flush();
  }

  /** The same for a frame whose `body` nobody may use any more: its memory is given back when it has gone. */
  sendLast(head: Buffer, body: Buffer): void {
    this.#passing.add(body);
    this.send(head, body);
  }

  /** Bytes that the other side has not read yet, as far as this side knows. */
  get backlog(): number {
    return this.#socket.writableLength + this.#bytes;
  }

  /** Hands over what is queued at once: for a moment after which there may be none. */
  flush(): void {
    if (this.#parts.length === 0) return;
    const parts = this.#parts;
    this.#parts = [];
    this.#bytes = 0;
    if (this.#socket.destroyed) return;
    this.#socket.cork();
    for (const joined of joinSmall(parts)) this.#write(joined);
    this.#socket.uncork();
  }

  #write(part: Buffer): void {
    if (this.#passing.has(part)) this.#socket.write(part, () => giveBack(part));
    else this.#socket.write(part);
  }
}

function* joinSmall(parts: readonly Buffer[]): Generator<Buffer> {
  let small: Buffer[] = [];
  for (const part of parts) {
    if (part.length < JOIN_BELOW) {
      small.push(part);
      continue;
    }
    if (small.length > 0) yield Buffer.concat(small);
    small = [];
    yield part;
  }
  if (small.length > 0) yield Buffer.concat(small);
}
