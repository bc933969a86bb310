import { messageOf } from '../errors.ts';
import { primaryFields } from '../generated/tables.ts';
import { EntityError } from './entity-error.ts';
import { readInt64 } from './int64.ts';
import type { Member } from './oneof.ts';
import { fieldsOf } from './schema.ts';
import { fromEpochMs } from './timestamp.ts';
import type { Writer } from './writer.ts';

const TIMESTAMP = 10;

/**
 * Writes one entity, without tag and length, and says of what kind it is. Throws an `EntityError` when it is none;
 * what was written by then is to be thrown away.
 *
 * @param index which entity of its run it is, for errors
 * @param nowMs the timestamp of an entity that has none
 */
export function writeEntity(writer: Writer, entity: unknown, index: number, nowMs: number): string {
  writer.beginEntity(index);
  try {
    return writeFields(writer, entity, nowMs);
  } catch (error) {
    if (error instanceof EntityError) throw error;
    // A getter or a Proxy of the author's threw.
    throw writer.faultOf([], 'an object that can be read', messageOf(error), { cause: error });
  }
}

function writeFields(writer: Writer, entity: unknown, nowMs: number): string {
  const fields = writer.object(entity, 'Entity');
  let kind: Member | undefined;
  let timestamp: unknown;
  for (const key in fields) {
    if (key === 'timestamp') timestamp = fields[key];
    else kind = writer.member(kind, fields, key, 'Entity');
  }
  if (!kind) throw writer.faultOf([], 'one kind of entity, such as device or ip_address', 'none');
  if (timestamp == null) writer.moment(TIMESTAMP, 'timestamp', fromEpochMs(nowMs));
  else writer.timestamp(TIMESTAMP, 'timestamp', timestamp);
  writer.message(kind.tag, kind.name, asObject(fields[kind.name], kind.type), kind.write);
  writer.endEntity();
  return kind.name;
}

/** A bare value as the object that it stands for: the kind's own message also carries metadata. */
function asObject(value: unknown, message: string): unknown {
  const primary = primaryFields[message];
  if (primary === undefined || typeof value === 'object') return value;
  const type = fieldsOf(message).find((field) => field.name === primary)?.type;
  const fits = type === 'int64' ? readInt64(value) !== undefined : typeof value === 'string';
  return fits ? { [primary]: value } : value;
}
