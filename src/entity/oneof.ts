import { type WriteMessage, writers } from '../generated/encoder.ts';
import { fieldsOf } from './schema.ts';

/** A member of a oneof that has too many of them for the generated code to name each. */
export interface Member {
  readonly number: number;
  readonly name: string;
  readonly type: string;
  readonly tag: number;
  readonly write: WriteMessage;
}

const LENGTH_DELIMITED = 2;
const known = new Map<string, ReadonlyMap<string, Member>>();

/** Every field of `message` that holds a message, by name; made when it is first needed. */
export function membersOf(message: string): ReadonlyMap<string, Member> {
  let members = known.get(message);
  if (!members) {
    members = new Map(
      fieldsOf(message).flatMap((field) => memberEntry(field.number, field.name, field.type)),
    );
    known.set(message, members);
  }
  return members;
}

function memberEntry(number: number, name: string, type: string): [string, Member][] {
  const write = writers[type];
  return write ? [[name, { number, name, type, tag: number * 8 + LENGTH_DELIMITED, write }]] : [];
}
