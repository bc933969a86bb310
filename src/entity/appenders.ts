import type { BatchEncoding } from '../sink/contract.ts';
import { writeEntity } from './entity.ts';
import type { EntityError } from './entity-error.ts';
import { JsonWriter } from './json-writer.ts';
import { kindAttribute, writeLogRecord } from './otlp-record.ts';
import { Output } from './output.ts';
import { runEntry } from './struct.ts';
import { Writer } from './writer.ts';

/** An entity that was appended. */
export interface Appended {
  /** Where it begins when it has to be the first of its batch. */
  readonly start: number;
  /** What the batch's limit counts. */
  readonly bytes: number;
}

/** Puts entities into a batch in one encoding. */
export interface EntityAppender {
  readonly output: Output;
  /**
   * Appends one entity; throws an `EntityError` when it is none, and then what `output` got is to be taken back.
   *
   * @param first nothing stands in the batch yet
   */
  append(entity: unknown, index: number, nowMs: number, first: boolean): Appended;
}

const FIRST_CAPACITY = 64 * 1024;

export function createAppender(
  encoding: BatchEncoding,
  runId: string,
  warn: (problem: EntityError) => void,
): EntityAppender {
  const writer = new Writer(FIRST_CAPACITY, runEntry(runId), warn);
  switch (encoding) {
    case 'diode':
      return diodeAppender(writer);
    case 'json':
      return jsonAppender(writer);
    case 'otlp':
      return otlpAppender(writer);
  }
}

/** `entities` of an `IngestRequest`. */
const ENTITIES = 0x12;

/** Entities framed for an `IngestRequest`, written where they stay. */
function diodeAppender(output: Writer): EntityAppender {
  return {
    output,
    append(entity, index, nowMs) {
      const start = output.position;
      output.reserve(2);
      output.byte(ENTITIES);
      const content = ++output.position;
      writeEntity(output, entity, index, nowMs);
      const bytes = output.position - content;
      output.closeLength(content);
      return { start, bytes };
    },
  };
}

/** Where entities stand in a dry run's file. */
const ENTITY_LEVEL = 2;
const BETWEEN_ENTITIES = Buffer.from(',\n');
const BEFORE_ENTITY = Buffer.from('  '.repeat(ENTITY_LEVEL));

/** Entities as JSON, as they stand between the brackets of a dry run's list. */
function jsonAppender(writer: Writer): EntityAppender {
  const output = new Output(FIRST_CAPACITY);
  const json = new JsonWriter(output, true);
  return {
    output,
    append(entity, index, nowMs, first) {
      writer.position = 0;
      writeEntity(writer, entity, index, nowMs);
      output.reserve(BETWEEN_ENTITIES.length + BEFORE_ENTITY.length);
      if (!first) output.bytes(BETWEEN_ENTITIES);
      const start = output.position;
      output.bytes(BEFORE_ENTITY);
      json.write('Entity', writer.buffer, writer.position, ENTITY_LEVEL);
      return { start, bytes: writer.position };
    },
  };
}

/** Log records, framed for a `ScopeLogs`: the limit counts what is sent, which is more than the entity's protobuf. */
function otlpAppender(writer: Writer): EntityAppender {
  const output = new Output(FIRST_CAPACITY);
  const text = new Output(FIRST_CAPACITY);
  const json = new JsonWriter(text, false);
  const attributes = new Map<string, Buffer>();
  return {
    output,
    append(entity, index, nowMs) {
      writer.position = 0;
      const kind = writeEntity(writer, entity, index, nowMs);
      text.position = 0;
      json.write('Entity', writer.buffer, writer.position, 0);
      const attribute = attributes.get(kind) ?? kindAttribute(kind);
      attributes.set(kind, attribute);
      const start = output.position;
      writeLogRecord(output, text.buffer.subarray(0, text.position), attribute, nowMs);
      return { start, bytes: output.position - start };
    },
  };
}
