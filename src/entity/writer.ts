import type { WriteMessage } from '../generated/encoder.ts';
import type { EntityError } from './entity-error.ts';
import { expectField, expectMessage, holdsFields } from './expectations.ts';
import { inherit } from './inherit.ts';
import { readInt64 } from './int64.ts';
import { MessageOutput, TAG_AND_VARINT_BYTES } from './message-output.ts';
import { type Member, membersOf } from './oneof.ts';
import { fieldsOf } from './schema.ts';
import { readObject, writeStructFields } from './struct.ts';
import { readTimestamp, type Timestamp } from './timestamp.ts';

export type { Member };

type Fields = Record<string, unknown>;

/** The message that an entity is about lies this deep. */
const KIND_DEPTH = 2;

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const MAP_KEY = 10;
const MAP_VALUE = 18;
const TIMESTAMP_SECONDS = 8;
const TIMESTAMP_NANOS = 16;

/**
 * What the generated code writes fields with: each method checks one value and throws an `EntityError` that says where
 * it is when it is not of the field's type. Names are for that error alone.
 *
 * `singular...` leaves out what the field holds anyway (`''`, 0), `optional...` does not: schema facts, "label".
 */
export class Writer extends MessageOutput {
  /** The Struct entry that every kind's `metadata` gets; empty: none. */
  private readonly runEntry: Buffer;
  private readonly warn: (problem: EntityError) => void;

  constructor(capacity: number, runEntry: Buffer, warn: (problem: EntityError) => void) {
    super(capacity);
    this.runEntry = runEntry;
    this.warn = warn;
  }

  object(value: unknown, message: string): Fields {
    if (!holdsFields(value)) throw this.fault('', expectMessage(message), value);
    return value;
  }

  singularString(tag: number, name: string, value: unknown): void {
    if (typeof value !== 'string') throw this.fault(name, 'a string', value);
    if (value !== '') this.string(tag, name, value);
  }

  optionalString(tag: number, name: string, value: unknown): void {
    if (typeof value !== 'string') throw this.fault(name, 'a string', value);
    this.string(tag, name, value);
  }

  strings(tag: number, name: string, value: unknown): void {
    const list = this.list(name, value);
    this.enter(name);
    for (let i = 0; i < list.length; i++) {
      const item = list[i];
      if (typeof item !== 'string') throw this.fault(i, 'a string', item);
      this.string(tag, i, item);
    }
    this.leave();
  }

  isInteger(value: unknown): boolean {
    return typeof value === 'number' || typeof value === 'bigint' || typeof value === 'string';
  }

  singularInt64(tag: number, name: string, value: unknown): void {
    const integer = this.integer(name, value);
    if (integer !== 0 && integer !== 0n) this.int64(tag, integer);
  }

  optionalInt64(tag: number, name: string, value: unknown): void {
    this.int64(tag, this.integer(name, value));
  }

  int64s(tag: number, name: string, value: unknown): void {
    const list = this.list(name, value);
    if (list.length === 0) return;
    this.enter(name);
    const start = this.open(tag);
    for (let i = 0; i < list.length; i++) {
      const integer = this.integer(i, list[i]);
      this.reserve(TAG_AND_VARINT_BYTES);
      this.signedVarint(integer);
    }
    this.close(start);
    this.leave();
  }

  bool(tag: number, name: string, value: unknown): void {
    if (typeof value !== 'boolean') throw this.fault(name, 'true or false', value);
    this.flag(tag, value);
  }

  double(tag: number, name: string, value: unknown): void {
    if (typeof value !== 'number') throw this.fault(name, 'a number', value);
    this.float64(tag, value);
  }

  singularBytes(tag: number, name: string, value: unknown): void {
    const bytes = typeof value === 'string' && BASE64.test(value) ? Buffer.from(value, 'base64') : value;
    if (!(bytes instanceof Uint8Array)) throw this.fault(name, 'a Uint8Array or base64', value);
    if (bytes.length === 0) return;
    this.reserve(TAG_AND_VARINT_BYTES + bytes.length);
    this.tag(tag);
    this.varint(bytes.length);
    this.bytes(bytes);
  }

  timestamp(tag: number, name: string, value: unknown): void {
    const moment = readTimestamp(value);
    if (!moment) {
      throw this.fault(name, 'a valid Date or an RFC 3339 time such as 2026-01-02T03:04:05Z', value);
    }
    this.moment(tag, moment);
  }

  /** A moment that needs no check. */
  moment(tag: number, { seconds, nanos }: Timestamp): void {
    const start = this.open(tag);
    this.reserve(2 * TAG_AND_VARINT_BYTES);
    if (seconds !== 0) this.int64(TIMESTAMP_SECONDS, seconds);
    if (nanos !== 0) this.int64(TIMESTAMP_NANOS, nanos);
    this.close(start);
  }

  message(tag: number, name: string, value: unknown, write: WriteMessage): void {
    this.enter(name);
    const start = this.open(tag);
    write(this, value);
    this.close(start);
    this.leave();
  }

  messages(tag: number, name: string, value: unknown, write: WriteMessage): void {
    const list = this.list(name, value);
    this.enter(name);
    for (let i = 0; i < list.length; i++) {
      this.enter(i);
      const start = this.open(tag);
      write(this, list[i]);
      this.close(start);
      this.leave();
    }
    this.leave();
  }

  customFields(tag: number, name: string, value: unknown, write: WriteMessage): void {
    const map = readObject(this, name, value);
    this.enter(name);
    for (const key of Object.keys(map)) {
      const entry = map[key];
      if (entry == null) continue;
      const start = this.open(tag);
      this.string(MAP_KEY, key, key);
      this.enter(key);
      const valueStart = this.open(MAP_VALUE);
      write(this, entry);
      this.close(valueStart);
      this.leave();
      this.close(start);
    }
    this.leave();
  }

  /** `metadata` of any message; that of an entity's kind also says which run found it (sheet: Sending to Diode 4). */
  metadata(tag: number, value: unknown): void {
    const { runEntry } = this;
    const ofKind = this.depth === KIND_DEPTH && runEntry.length > 0;
    if (!ofKind && value == null) return;
    const start = this.open(tag);
    if (ofKind) {
      this.reserve(runEntry.length);
      this.bytes(runEntry);
    }
    if (value != null) {
      const fields = readObject(this, 'metadata', value);
      this.enter('metadata');
      writeStructFields(this, fields, ofKind ? 'run_id' : undefined);
      this.leave();
    }
    this.close(start);
  }

  /** Refuses a key that the message does not have, unless it says nothing or is not the object's own. */
  unknown(fields: Fields, key: string, message: string): void {
    if (fields[key] == null || !Object.hasOwn(fields, key)) return;
    throw this.faultOf([key], expectField(message, key), 'an unknown key');
  }

  /** Takes `key` for the member of a big oneof; `before` is the one that was found earlier. */
  member(before: Member | undefined, fields: Fields, key: string, message: string): Member | undefined {
    const member = membersOf(message).get(key);
    if (!member) this.unknown(fields, key, message);
    if (!member || fields[key] == null) return before;
    if (before) this.moreThanOne(fields, [before.name, key]);
    return member;
  }

  /** Writes the member of a big oneof, if its number lies between these two. */
  chosen(member: Member | undefined, fields: Fields, after: number, before: number): void {
    if (!member || member.number < after || member.number > before) return;
    this.message(member.tag, member.name, fields[member.name], member.write);
  }

  moreThanOne(fields: Fields, names: readonly string[]): never {
    const given = names.filter((name) => fields[name] != null);
    throw this.faultOf([], `only one of ${names.join(', ')}`, given.join(' and '));
  }

  notExactlyOne(fields: Fields, message: string): never {
    const given = fieldsOf(message).flatMap(({ name }) => (fields[name] == null ? [] : [name]));
    throw this.faultOf([], `exactly one field of ${message}`, given.join(' and ') || 'none');
  }

  /** The object with what its nested objects inherit from it (shorthand facts, "inherit"). */
  inherit(fields: Fields, message: string): Fields {
    return inherit(fields, message, {
      dropped: (steps) => {
        const expected = 'an object beside it that inherits it';
        this.warn(this.faultOf(steps, expected, 'none, so it is left out'));
      },
      impossible: (steps, { target, field }) => {
        throw this.faultOf(steps, `a target that has the field ${field}`, target);
      },
    });
  }

  private list(name: string, value: unknown): readonly unknown[] {
    if (!Array.isArray(value)) throw this.fault(name, 'a list', value);
    return value;
  }

  private integer(name: string | number, value: unknown): number | bigint {
    const integer = readInt64(value);
    if (integer !== undefined) return integer;
    throw this.fault(name, expectInteger(value), value);
  }

  private int64(tag: number, value: number | bigint): void {
    this.reserve(TAG_AND_VARINT_BYTES);
    this.tag(tag);
    this.signedVarint(value);
  }

  private signedVarint(value: number | bigint): void {
    if (typeof value === 'number' && value >= 0) {
      this.varint(value);
      return;
    }
    let rest = BigInt.asUintN(64, BigInt(value));
    while (rest > 127n) {
      this.buffer[this.position++] = Number(rest & 127n) | 128;
      rest >>= 7n;
    }
    this.buffer[this.position++] = Number(rest);
  }
}

function expectInteger(value: unknown): string {
  const beyondSafe = typeof value === 'number' && Number.isInteger(value);
  return beyondSafe
    ? 'an integer of at most 2^53 (beyond that a bigint or decimal digits)'
    : 'an integer of 64 bits';
}
