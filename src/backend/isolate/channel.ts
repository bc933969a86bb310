import { Socket } from 'node:net';
import { batchFrameHead, controlFrame, type FrameKind, FrameReader, FrameSender } from '../frames.ts';
import type { FromChild } from '../messages.ts';

/** The file descriptor that the daemon opened for this. */
const CHANNEL_FD = 3;

/** Messages written within this time of each other may share a write. */
const FLUSH_EVERY_MS = 1;

/** The isolate's end of the channel to the daemon. */
export class Channel {
  readonly #socket = new Socket({ fd: CHANNEL_FD, readable: true, writable: true });
  readonly #sender = new FrameSender(this.#socket);
  #flushedAt = 0;

  /** Calls `onFrame` for what the daemon says, and `onGone` when there is nobody to talk to any more. */
  listen(onFrame: (kind: FrameKind, body: Buffer) => void, onGone: () => void): void {
    const reader = new FrameReader({ limitOf: () => Number.POSITIVE_INFINITY, onFrame });
    this.#socket.on('data', (chunk) => reader.push(chunk));
    this.#socket.on('error', onGone);
    this.#socket.on('close', onGone);
    this.#socket.on('end', onGone);
  }

  /** Bytes that the daemon has not read yet. */
  get backlog(): number {
    return this.#sender.backlog;
  }

  send(message: FromChild): void {
    this.#sender.send(controlFrame(JSON.stringify(message)));
  }

  sendBatch(run: number, entityCount: number, bytes: Buffer): void {
    this.#sender.send(batchFrameHead(run, entityCount, bytes.length), bytes);
  }

  /** Hands over what was said, unless that was done a moment ago: before code is called that may never come back. */
  flushSoon(now: number): void {
    if (now - this.#flushedAt < FLUSH_EVERY_MS) return;
    this.#flushedAt = now;
    this.#sender.flush();
  }

  /** Hands over what was said: before code is called that does not come back. */
  flush(): void {
    this.#sender.flush();
  }
}
