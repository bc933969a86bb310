import type { BatchEncoding } from '../sink/contract.ts';
import { writeEntity } from './entity.ts';
import type { EntityError } from './entity-error.ts';
import { JsonShape } from './json-shape.ts';
import { JsonWriter } from './json-writer.ts';
import { kindAttribute, writeLogRecord } from './otlp-record.ts';
import { Output } from './output.ts';
import { ProtobufWriter } from './protobuf-writer.ts';
import type { WriterOptions } from './writer.ts';

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
  const options: WriterOptions = { capacity: FIRST_CAPACITY, runId, warn };
  switch (encoding) {
    case 'diode':
      return diodeAppender(new ProtobufWriter(options));
    case 'json':
      return jsonAppender(new JsonWriter(options, INDENTED, ENTITY_LEVEL));
    case 'otlp':
      return otlpAppender(new JsonWriter(options, COMPACT, 0));
  }
}

/** `entities` of an `IngestRequest`. */
const ENTITIES = 0x12;

/** Entities framed for an `IngestRequest`, written where they stay. */
function diodeAppender(output: ProtobufWriter): EntityAppender {
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

const INDENTED = new JsonShape(true);
const COMPACT = new JsonShape(false);

/** Where entities stand in a dry run's file. */
const ENTITY_LEVEL = 2;
const BETWEEN_ENTITIES = Buffer.from(',\n');
const BEFORE_ENTITY = Buffer.from('  '.repeat(ENTITY_LEVEL));

/** Entities as JSON, as they stand between the brackets of a dry run's list, written where they stay. */
function jsonAppender(output: JsonWriter): EntityAppender {
  return {
    output,
    append(entity, index, nowMs, first) {
      output.reserve(BETWEEN_ENTITIES.length + BEFORE_ENTITY.length);
      if (!first) output.bytes(BETWEEN_ENTITIES);
      const start = output.position;
      output.bytes(BEFORE_ENTITY);
      writeEntity(output, entity, index, nowMs);
      return { start, bytes: output.size };
    },
  };
}

/** Log records, framed for a `ScopeLogs`: the limit counts what is sent, which is more than the entity's protobuf. */
function otlpAppender(json: JsonWriter): EntityAppender {
  const output = new Output(FIRST_CAPACITY);
  const attributes = new Map<string, Buffer>();
  return {
    output,
    append(entity, index, nowMs) {
      json.position = 0;
      const kind = writeEntity(json, entity, index, nowMs);
      const attribute = attributes.get(kind) ?? kindAttribute(kind);
      attributes.set(kind, attribute);
      const start = output.position;
      writeLogRecord(output, json.buffer.subarray(0, json.position), attribute, nowMs);
      return { start, bytes: output.position - start };
    },
  };
}
