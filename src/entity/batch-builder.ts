import type { BatchEncoding } from '../sink/contract.ts';
import { createAppender, type EntityAppender } from './appenders.ts';
import type { EntityError } from './entity-error.ts';

/** A batch that is closed: its bytes are no longer touched. */
export interface EncodedBatch {
  entityCount: number;
  bytes: Buffer;
}

export interface BatchBuilderOptions {
  encoding: BatchEncoding;
  /** Goes into the metadata of every entity. */
  runId: string;
  /** Milliseconds since the Unix epoch: the timestamp of entities that have none. */
  now: () => number;
  /** Told of what an author wrote and nobody will see: once a place, and of a few places only. */
  warn?: (message: string) => void;
}

/** What the entities of a batch may sum up to: framing not counted (sheet: Sending to Diode 5), in OTLP what is sent. */
const LARGEST_BATCH_BYTES = 3_145_728;

/** And what they may be as they are sent: deeply nested, JSON is much larger than what it stands for. */
const LARGEST_SENT_BYTES = 16 * 2 ** 20;

/** A run with more such places than this has the same fault in all of them. */
const MOST_WARNINGS = 10;

function onceAPlace(warn: BatchBuilderOptions['warn']): (problem: EntityError) => void {
  const places = new Set<string>();
  return ({ path, message }) => {
    if (places.has(path) || places.size === MOST_WARNINGS) return;
    places.add(path);
    warn?.(message);
  };
}

/** Encodes the entities of one run, one after another, into batches. */
export class BatchBuilder {
  private readonly appender: EntityAppender;
  private readonly now: () => number;
  private batchEntities = 0;
  private batchBytes = 0;
  private added = 0;
  private busy = false;

  constructor(options: BatchBuilderOptions) {
    this.appender = createAppender(options.encoding, options.runId, onceAPlace(options.warn));
    this.now = options.now;
  }

  /** No batch is open. */
  get isEmpty(): boolean {
    return this.batchEntities === 0;
  }

  /** All entities that were added, in every batch. */
  get entityCount(): number {
    return this.added;
  }

  /**
   * Adds an entity and returns the batch that had to close to make room for it. Throws an `EntityError` when it is no
   * valid entity; the batch stays as it was.
   */
  add(entity: unknown): EncodedBatch | undefined {
    if (this.busy) throw new Error('an entity was added while another one was being read');
    this.busy = true;
    const { output } = this.appender;
    const end = output.position;
    try {
      return this.append(entity, end);
    } catch (error) {
      output.position = end;
      throw error;
    } finally {
      this.busy = false;
    }
  }

  /** Closes the open batch, if there is one. */
  close(): EncodedBatch | undefined {
    if (this.isEmpty) return undefined;
    const { output } = this.appender;
    return this.closeAt(output.position, output.position);
  }

  private append(entity: unknown, end: number): EncodedBatch | undefined {
    const { start, bytes } = this.appender.append(entity, this.added, this.now(), this.isEmpty);
    const isTooLarge =
      this.batchBytes + bytes > LARGEST_BATCH_BYTES || this.appender.output.position > LARGEST_SENT_BYTES;
    const closed = isTooLarge && !this.isEmpty ? this.closeAt(end, start) : undefined;
    this.batchEntities++;
    this.batchBytes += bytes;
    this.added++;
    return closed;
  }

  private closeAt(end: number, next: number): EncodedBatch {
    const batch = { entityCount: this.batchEntities, bytes: this.appender.output.take(end, next) };
    this.batchEntities = 0;
    this.batchBytes = 0;
    return batch;
  }
}
