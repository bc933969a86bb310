import { writeEntity } from '../../../src/entity/entity.ts';
import { JsonWriter } from '../../../src/entity/json-writer.ts';
import { Output } from '../../../src/entity/output.ts';
import { Writer } from '../../../src/entity/writer.ts';

const NO_RUN = Buffer.alloc(0);

/** An entity's bytes as they are without a run's metadata. */
export function encodeEntity(entity: unknown, warnings: string[] = []): Buffer {
  const writer = new Writer(16, NO_RUN, (problem) => warnings.push(problem.message));
  writeEntity(writer, entity, 0, Date.UTC(2031, 2, 14));
  return writer.buffer.subarray(0, writer.position);
}

/** The JSON text of an entity's bytes. */
export function jsonText(bytes: Buffer, pretty = true): string {
  const output = new Output(16);
  new JsonWriter(output, pretty).write('Entity', bytes, bytes.length, 0);
  return output.buffer.toString('utf8', 0, output.position);
}
