import type { ToChild } from '../messages.ts';
import type { Channel } from './channel.ts';
import type { IngestCall, OpenedMessage } from './ingest-call.ts';

type Answer = Extract<ToChild, { type: 'unopened' | 'kept' | 'unkept' }>;

/** The calls of `ingest` of all runs and lives of the process that the daemon knows of. */
export class IngestCalls {
  readonly #channel: Channel;
  /** By the id under which the daemon was asked for a run. */
  readonly #asked = new Map<number, IngestCall>();
  /** By the number of their run. */
  readonly #opened = new Map<number, IngestCall>();
  #lastId = 0;

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  get areNone(): boolean {
    return this.#asked.size === 0 && this.#opened.size === 0;
  }

  /** Asks the daemon for a run, in the name of a run or a life. */
  ask(owner: number, call: IngestCall): void {
    this.#lastId = (this.#lastId + 1) >>> 0;
    this.#asked.set(this.#lastId, call);
    this.#channel.send({ type: 'ingest', run: owner, id: this.#lastId });
  }

  /** The call whose run has this number. */
  get(run: number): IngestCall | undefined {
    return this.#opened.get(run);
  }

  opened(message: OpenedMessage): void {
    const call = this.#take(this.#asked, message.id);
    if (call === undefined) return;
    this.#opened.set(message.run, call);
    const { onOver } = call;
    call.onOver = () => {
      this.#opened.delete(message.run);
      onOver();
    };
    void call.begin(message);
  }

  answered(message: Answer): void {
    if (message.type === 'unopened') this.#take(this.#asked, message.id)?.fail(new Error(message.reason));
    else if (message.type === 'kept') this.get(message.run)?.kept();
    else this.get(message.run)?.fail(new Error(message.reason));
  }

  #take(calls: Map<number, IngestCall>, key: number): IngestCall | undefined {
    const call = calls.get(key);
    calls.delete(key);
    return call;
  }
}
