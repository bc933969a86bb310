import type { BatchEncoding } from '../sink/contract.ts';
import { writeEntity } from './entity.ts';
import type { Output } from './output.ts';
import { runEntry } from './struct.ts';
import { Writer } from './writer.ts';

/** Where an appended entity lies, and what it counts for. */
export interface Appended {
  /** Where it begins when it has to be the first of its batch. */
  start: number;
  /** What the batch's limit counts. */
  bytes: number;
}

/** Puts entities into a batch in one encoding. */
export interface EntityAppender {
  readonly output: Output;
  /** Appends one entity, or throws and leaves `output` as it was. The result is good until the next call. */
  append(entity: unknown, index: number, nowMs: number, first: boolean): Readonly<Appended>;
}

export interface AppenderOptions {
  encoding: BatchEncoding;
  runId: string;
  warn?: (message: string) => void;
}

const FIRST_CAPACITY = 64 * 1024;

export function createAppender({ encoding, runId, warn }: AppenderOptions): EntityAppender {
  const writer = new Writer(FIRST_CAPACITY, runEntry(runId), warn ?? ((): void => {}));
  switch (encoding) {
    case 'diode':
      return new DiodeAppender(writer);
    default:
      throw new Error('later');
  }
}

/** `entities` of an `IngestRequest`. */
const ENTITIES = 18;

class DiodeAppender implements EntityAppender {
  readonly output: Writer;
  private readonly appended = { start: 0, bytes: 0 };

  constructor(writer: Writer) {
    this.output = writer;
  }

  append(entity: unknown, index: number, nowMs: number): Readonly<Appended> {
    const { output, appended } = this;
    const start = output.position;
    try {
      output.reserve(2);
      output.tag(ENTITIES);
      const content = ++output.position;
      writeEntity(output, entity, index, nowMs);
      appended.start = start;
      appended.bytes = output.position - content;
      output.closeLength(content);
      return appended;
    } catch (error) {
      output.position = start;
      throw error;
    }
  }
}
