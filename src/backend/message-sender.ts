import type { Socket } from 'node:net';
import { controlFrame, FrameSender, workFrameHead } from './frames.ts';
import type { PolicyPayload } from './host.ts';
import type { ToChild, WorkForChild } from './messages.ts';

/** Bytes that may wait for a child to read them; a child with more takes no further runs. */
const MOST_BACKLOG = 2 ** 20;

/** Sends a child what the daemon has to say to it; says nothing to one whose process could not be started. */
export class MessageSender {
  readonly #sender: FrameSender | undefined;

  /** @param channel undefined: there is no process. */
  constructor(channel: Socket | undefined) {
    this.#sender = channel && new FrameSender(channel);
  }

  /** True when the child reads what it is sent. */
  get isRead(): boolean {
    return this.#sender !== undefined && this.#sender.backlog < MOST_BACKLOG;
  }

  tell(message: ToChild): void {
    this.#sender?.send(controlFrame(JSON.stringify(message)));
  }

  tellWithPayload(message: WorkForChild, payload: PolicyPayload): void {
    this.#sender?.send(workFrameHead(JSON.stringify(message), payload.length), payload);
  }
}
