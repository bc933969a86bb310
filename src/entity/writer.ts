import type { WriteMessage } from '../generated/encoder.ts';
import type { EntityError } from './entity-error.ts';
import { EntityOutput } from './entity-output.ts';
import { expectField, expectMessage, holdsFields } from './expectations.ts';
import { inherit } from './inherit.ts';
import { readInt64 } from './int64.ts';
import { type Member, membersOf } from './oneof.ts';
import { fieldsOf } from './schema.ts';
import { readObject, writeStructFields } from './struct.ts';
import { readTimestamp } from './timestamp.ts';

export type { Member };

type Fields = Record<string, unknown>;

/** The message that an entity is about lies this deep. */
const KIND_DEPTH = 2;

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const MAP_VALUE = 18;
/** In the metadata of every kind. */
const RUN_ID = 'run_id';

export interface WriterOptions {
  /** Bytes to begin with. */
  readonly capacity: number;
  /** Which run finds the entities; empty: they do not say. */
  readonly runId: string;
  /** Told of what is left out. */
  readonly warn: (problem: EntityError) => void;
}

/**
 * What the generated code writes fields with: each method checks one value and throws an `EntityError` that says where
 * it is when it is not of the field's type. Names are for that error alone.
 *
 * `singular...` leaves out what the field holds anyway (`''`, 0), `optional...` does not: schema facts, "label".
 */
export abstract class Writer extends EntityOutput {
  private readonly runId: string;
  private readonly warn: WriterOptions['warn'];

  constructor({ capacity, runId, warn }: WriterOptions) {
    super(capacity);
    this.runId = runId;
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
    if (list.length === 0) return;
    this.enter(name);
    this.beginItems(name);
    for (let i = 0; i < list.length; i++) {
      const item = list[i];
      if (typeof item !== 'string') throw this.fault(i, 'a string', item);
      this.string(tag, i, item);
    }
    this.endItems();
    this.leave();
  }

  isInteger(value: unknown): boolean {
    return typeof value === 'number' || typeof value === 'bigint' || typeof value === 'string';
  }

  singularInt64(tag: number, name: string, value: unknown): void {
    const integer = this.readInteger(name, value);
    if (integer !== 0 && integer !== 0n) this.integer(tag, name, integer);
  }

  optionalInt64(tag: number, name: string, value: unknown): void {
    this.integer(tag, name, this.readInteger(name, value));
  }

  int64s(tag: number, name: string, value: unknown): void {
    const list = this.list(name, value);
    if (list.length === 0) return;
    this.enter(name);
    const start = this.openList(tag, name);
    for (let i = 0; i < list.length; i++) this.item(i, this.readInteger(i, list[i]));
    this.closeList(start);
    this.leave();
  }

  bool(tag: number, name: string, value: unknown): void {
    if (typeof value !== 'boolean') throw this.fault(name, 'true or false', value);
    this.boolean(tag, name, value);
  }

  double(tag: number, name: string, value: unknown): void {
    if (typeof value !== 'number') throw this.fault(name, 'a number', value);
    this.number(tag, name, value);
  }

  singularBytes(tag: number, name: string, value: unknown): void {
    const bytes = typeof value === 'string' && BASE64.test(value) ? Buffer.from(value, 'base64') : value;
    if (!(bytes instanceof Uint8Array)) throw this.fault(name, 'a Uint8Array or base64', value);
    if (bytes.length > 0) this.octets(tag, name, bytes);
  }

  timestamp(tag: number, name: string, value: unknown): void {
    const moment = readTimestamp(value);
    if (!moment) {
      throw this.fault(name, 'a valid Date or an RFC 3339 time such as 2026-01-02T03:04:05Z', value);
    }
    this.moment(tag, name, moment);
  }

  message(tag: number, name: string, value: unknown, write: WriteMessage): void {
    this.enter(name);
    const start = this.openMessage(tag, name);
    write(this, value);
    this.closeMessage(start);
    this.leave();
  }

  messages(tag: number, name: string, value: unknown, write: WriteMessage): void {
    const list = this.list(name, value);
    if (list.length === 0) return;
    this.enter(name);
    this.beginItems(name);
    for (let i = 0; i < list.length; i++) {
      this.enter(i);
      const start = this.openMessage(tag, i);
      write(this, list[i]);
      this.closeMessage(start);
      this.leave();
    }
    this.endItems();
    this.leave();
  }

  customFields(tag: number, name: string, value: unknown, write: WriteMessage): void {
    const map = readObject(this, name, value);
    this.enter(name);
    let isEmpty = true;
    for (const key of Object.keys(map)) {
      const entry = map[key];
      if (entry == null) continue;
      if (isEmpty) this.beginMap(name);
      isEmpty = false;
      const start = this.openEntry(tag, key);
      this.message(MAP_VALUE, key, entry, write);
      this.closeEntry(start);
    }
    if (!isEmpty) this.endMap();
    this.leave();
  }

  /** `metadata` of any message; that of an entity's kind also says which run found it (sheet: Sending to Diode 4). */
  metadata(tag: number, value: unknown): void {
    const ofKind = this.depth === KIND_DEPTH && this.runId !== '';
    if (!ofKind && value == null) return;
    const start = this.openMessage(tag, 'metadata');
    if (ofKind) this.writeRunEntry();
    if (value != null) {
      const fields = readObject(this, 'metadata', value);
      this.enter('metadata');
      writeStructFields(this, fields, ofKind ? RUN_ID : undefined);
      this.leave();
    }
    this.closeMessage(start);
  }

  protected writeRunEntry(): void {
    writeStructFields(this, { [RUN_ID]: this.runId });
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

  private readInteger(name: string | number, value: unknown): number | bigint {
    const integer = readInt64(value);
    if (integer !== undefined) return integer;
    throw this.fault(name, expectInteger(value), value);
  }
}

function expectInteger(value: unknown): string {
  const beyondSafe = typeof value === 'number' && Number.isInteger(value);
  return beyondSafe
    ? 'an integer of at most 2^53 (beyond that a bigint or decimal digits)'
    : 'an integer of 64 bits';
}
