import { doubleText, momentText, stringText } from './json-scalars.ts';
import { type FieldInfo, fieldsOf } from './schema.ts';
import { WireReader } from './wire-reader.ts';

/** Fields of `google.protobuf.Value` with their wire types. */
const NULL_VALUE = 8;
const NUMBER_VALUE = 17;
const STRING_VALUE = 26;
const BOOL_VALUE = 32;
const STRUCT_VALUE = 42;

/** An entity that was written here as protobuf in proto3 JSON, with the names of the schema and no white space. */
export function entityJson(bytes: Buffer): string {
  return new WireToJson(bytes).message('Entity', bytes.length);
}

class WireToJson {
  private readonly reader = new WireReader();

  constructor(bytes: Buffer) {
    this.reader.bytes = bytes;
  }

  message(type: string, end: number): string {
    const { reader } = this;
    const values = new Map<FieldInfo, string[]>();
    while (reader.position < end) {
      const field = fieldOf(type, reader.varint() >>> 3);
      const texts = values.get(field) ?? [];
      values.set(field, texts);
      this.addTo(texts, field);
    }
    return braced(Array.from(values, ([field, texts]) => `"${field.name}":${joined(field, texts)}`));
  }

  /** A list of integers is packed into one field. */
  private addTo(texts: string[], { type, shape }: FieldInfo): void {
    if (shape === 'map') texts.push(this.entry(type));
    else if (shape === 'one' || type !== 'int64') texts.push(this.value(type));
    else for (const end = this.end(); this.reader.position < end; ) texts.push(this.value(type));
  }

  /** An entry of a map: its length, the key, the value. */
  private entry(type: string): string {
    this.end();
    this.reader.varint();
    const key = this.string();
    this.reader.varint();
    return `${key}:${this.value(type)}`;
  }

  private value(type: string): string {
    const { reader } = this;
    switch (type) {
      case 'string':
        return this.string();
      case 'int64':
        return `"${reader.int64Text()}"`;
      case 'bool':
        return String(reader.varint() === 1);
      case 'double':
        return doubleText(reader.double());
      case 'bytes':
        return `"${this.octets().toString('base64')}"`;
      case 'Timestamp':
        return this.moment();
      case 'Struct':
        return this.struct();
      default:
        return this.message(type, this.end());
    }
  }

  private struct(): string {
    const { reader } = this;
    const entries: string[] = [];
    for (const end = this.end(); reader.position < end; ) {
      reader.varint();
      this.end();
      reader.varint();
      const key = this.string();
      reader.varint();
      entries.push(`${key}:${this.jsonValue()}`);
    }
    return braced(entries);
  }

  /** A `google.protobuf.Value`: its length, then its one field. */
  private jsonValue(): string {
    const { reader } = this;
    this.end();
    switch (reader.varint()) {
      case NULL_VALUE:
        reader.varint();
        return 'null';
      case NUMBER_VALUE:
        return doubleText(reader.double());
      case STRING_VALUE:
        return this.string();
      case BOOL_VALUE:
        return String(reader.varint() === 1);
      case STRUCT_VALUE:
        return this.struct();
      default:
        return this.jsonList();
    }
  }

  private jsonList(): string {
    const { reader } = this;
    const items: string[] = [];
    for (const end = this.end(); reader.position < end; ) {
      reader.varint();
      items.push(this.jsonValue());
    }
    return `[${items.join()}]`;
  }

  private moment(): string {
    const { reader } = this;
    let seconds = 0;
    let nanos = 0;
    for (const end = this.end(); reader.position < end; ) {
      if (reader.varint() >>> 3 === 1) seconds = Number(reader.int64Text());
      else nanos = reader.varint();
    }
    return momentText({ seconds, nanos });
  }

  private string(): string {
    return stringText(this.octets().toString());
  }

  private octets(): Buffer {
    const end = this.end();
    const { bytes, position } = this.reader;
    this.reader.position = end;
    return bytes.subarray(position, end);
  }

  /** Reads the length of what comes, and returns where that ends. */
  private end(): number {
    const length = this.reader.varint();
    return this.reader.position + length;
  }
}

function fieldOf(type: string, number: number): FieldInfo {
  const field = fieldsOf(type).find((each) => each.number === number);
  if (!field) throw new Error(`${type} was written with a field that its table does not have`);
  return field;
}

function joined({ shape }: FieldInfo, texts: readonly string[]): string {
  if (shape === 'map') return braced(texts);
  const text = texts.join();
  return shape === 'list' ? `[${text}]` : text;
}

function braced(members: readonly string[]): string {
  return `{${members.join()}}`;
}
