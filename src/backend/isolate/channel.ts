import { Socket } from 'node:net';
import { batchFrameHead, controlFrame, type FrameKind, FrameReader, FrameSender } from '../frames.ts';
import { type FromChild, MOST_RUNS } from '../messages.ts';

/** Taken before a package can put its own in their place. */
const { stringify } = JSON;
const { queueMicrotask } = globalThis;

/** The file descriptor that the daemon opened for this. */
const CHANNEL_FD = 3;

/** Messages written within this time of each other may share a write. */
const FLUSH_EVERY_MS = 1;

/** The isolate's end of the channel to the daemon. */
export class Channel {
  readonly #socket = new Socket({ fd: CHANNEL_FD, readable: true, writable: true });
  readonly #sender = new FrameSender(this.#socket);
  #flushedAt = 0;
  /** What is about to be said of several runs. */
  #named: { readonly what: 'entered' | 'returned'; readonly runs: number[] } | undefined;

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
    this.#sendNamed();
    this.#sendNow(message);
  }

  /** Says this of a run, in one message with others of whom the same is said at the same time. */
  tell(what: 'entered' | 'returned', run: number): void {
    if (this.#named?.what !== what || this.#named.runs.length === MOST_RUNS) {
      this.#sendNamed();
      this.#named = { what, runs: [] };
      queueMicrotask(() => this.#sendNamed());
    }
    this.#named.runs.push(run);
  }

  /** Nobody may use `bytes` afterwards. */
  sendBatch(run: number, entityCount: number, bytes: Buffer): void {
    this.#sendNamed();
    this.#sender.sendLast(batchFrameHead(run, entityCount, bytes.length), bytes);
  }

  /** Hands over what was said, unless that was done a moment ago: before code is called that may never come back. */
  flushSoon(now: number): void {
    if (now - this.#flushedAt < FLUSH_EVERY_MS) return;
    this.#flushedAt = now;
    this.flush();
  }

  /** Hands over what was said: before code is called that does not come back. */
  flush(): void {
    this.#sendNamed();
    this.#sender.flush();
  }

  #sendNamed(): void {
    if (this.#named === undefined) return;
    const { what, runs } = this.#named;
    this.#named = undefined;
    this.#sendNow({ type: what, runs });
  }

  #sendNow(message: FromChild): void {
    this.#sender.send(controlFrame(stringify(message)));
  }
}
