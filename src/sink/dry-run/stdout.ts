import type { Writable } from 'node:stream';
import { messageOf } from '../../errors.ts';
import { SinkError } from '../contract.ts';
import { unlessAborted } from '../unless-aborted.ts';

/**
 * Writes documents to standard output, one after another. Its reader may take as long as it likes: of those that were
 * given up meanwhile, at most one is still held.
 */
export class StdoutDocuments {
  readonly #stdout: Writable;
  /** The one that is being written; never rejects. */
  #writing: Promise<void> | undefined;

  constructor(stdout: Writable) {
    this.#stdout = stdout;
  }

  /** A reader that goes away is told by each write; without this it would end the process. */
  start(): void {
    this.#stdout.on('error', ignore);
  }

  close(): void {
    this.#stdout.off('error', ignore);
  }

  /** Writes a document and a line end; resolves when it is out. Rejects with a {@link SinkError}, or when `signal` aborts. */
  async write(document: readonly Buffer[], signal: AbortSignal): Promise<void> {
    while (this.#writing !== undefined) await unlessAborted(this.#writing, signal);
    const written = writeWhole(this.#stdout, document);
    this.#writing = written.catch(ignore).finally(() => {
      this.#writing = undefined;
    });
    await unlessAborted(written, signal);
  }
}

function ignore(): void {}

function writeWhole(stdout: Writable, document: readonly Buffer[]): Promise<void> {
  return new Promise((resolve, reject) => {
    stdout.write(Buffer.concat([...document, Buffer.from('\n')]), (error) => {
      if (error) reject(new SinkError('rejected', `Dry run cannot write to stdout: ${messageOf(error)}`));
      else resolve();
    });
  });
}
