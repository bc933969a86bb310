import { writeEntity } from '../../../src/entity/entity.ts';
import { JsonShape } from '../../../src/entity/json-shape.ts';
import { JsonWriter } from '../../../src/entity/json-writer.ts';
import { ProtobufWriter } from '../../../src/entity/protobuf-writer.ts';
import type { Writer, WriterOptions } from '../../../src/entity/writer.ts';

/** What entities that need more room begin with. */
const CAPACITY = 16;

function optionsOf(warnings: string[]): WriterOptions {
  return { capacity: CAPACITY, runId: '', warn: (problem) => warnings.push(problem.message) };
}

function written(writer: Writer, entity: unknown): Buffer {
  writeEntity(writer, entity, 0, Date.UTC(2031, 2, 14));
  return writer.buffer.subarray(0, writer.position);
}

/** An entity's bytes as they are without a run's metadata. */
export function encodeEntity(entity: unknown, warnings: string[] = []): Buffer {
  return written(new ProtobufWriter(optionsOf(warnings)), entity);
}

/** An entity's JSON without a run's metadata, and how many bytes it would take as protobuf. */
export function jsonOf(entity: unknown, isIndented = true): { text: string; size: number } {
  const writer = new JsonWriter(optionsOf([]), new JsonShape(isIndented), 0);
  return { text: written(writer, entity).toString(), size: writer.size };
}
