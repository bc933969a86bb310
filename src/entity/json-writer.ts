import { JsonOutput, type KeyedField } from './json-output.ts';
import { doubleText, fractionText, secondText, stringText } from './json-scalars.ts';
import { fieldsOf } from './schema.ts';
import { WireReader } from './wire-reader.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const BLANK = 0x20;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/** Fields of `google.protobuf.Value` with their wire types. */
const NULL_VALUE = 8;
const NUMBER_VALUE = 17;
const STRING_VALUE = 26;
const BOOL_VALUE = 32;
const STRUCT_VALUE = 42;

/** Turns protobuf that was written here into proto3 JSON with the names of the schema, in one pass over the bytes. */
export class JsonWriter extends JsonOutput {
  private readonly reader = new WireReader();
  private readonly layouts = new Map<string, readonly (KeyedField | undefined)[]>();
  private lastSeconds = Number.NaN;
  private lastSecondText = '';

  /** Appends the message of this type that `bytes` begins with; its lines, but the first, are this many levels in. */
  write(type: string, bytes: Buffer, length: number, level: number): void {
    this.reader.bytes = bytes;
    this.reader.position = 0;
    this.message(type, length, level);
  }

  private message(type: string, end: number, level: number): void {
    const { reader } = this;
    const layout = this.layoutOf(type);
    const start = this.begin(OPEN_BRACE);
    let field: KeyedField | undefined;
    while (reader.position < end) {
      const next = layout[reader.varint() >>> 3];
      if (!next) throw new Error(`${type} was written with a field that its table does not have`);
      if (next !== field) {
        this.endList(field, level + 1);
        this.key(next, field === undefined, level + 1);
        field = next;
        if (next.shape !== 'one') this.begin(next.shape === 'list' ? OPEN_BRACKET : OPEN_BRACE);
        if (next.shape !== 'one') this.line(level + 2);
      } else {
        this.separate(level + 2);
      }
      if (next.shape === 'one') this.value(next.type, level + 1);
      else if (next.shape === 'list') this.item(next.type, level + 2);
      else this.entry(next.type, level + 2);
    }
    this.endList(field, level + 1);
    this.end(CLOSE_BRACE, start, level);
  }

  private endList(field: KeyedField | undefined, level: number): void {
    if (field === undefined || field.shape === 'one') return;
    this.line(level);
    this.byte(field.shape === 'list' ? CLOSE_BRACKET : CLOSE_BRACE);
  }

  /** A list of numbers is packed into one field. */
  private item(type: string, level: number): void {
    const { reader } = this;
    if (type !== 'int64') {
      this.value(type, level);
      return;
    }
    const end = reader.varint() + reader.position;
    this.text(`"${reader.int64Text()}"`);
    while (reader.position < end) {
      this.separate(level);
      this.text(`"${reader.int64Text()}"`);
    }
  }

  /** An entry of a map: its length, the key, the value. */
  private entry(type: string, level: number): void {
    const { reader } = this;
    reader.varint();
    reader.varint();
    this.string();
    this.colon();
    reader.varint();
    this.value(type, level);
  }

  private value(type: string, level: number): void {
    const { reader } = this;
    switch (type) {
      case 'string':
        this.string();
        break;
      case 'int64':
        this.text(`"${reader.int64Text()}"`);
        break;
      case 'bool':
        this.text(reader.varint() === 1 ? 'true' : 'false');
        break;
      case 'double':
        this.text(doubleText(reader.double()));
        break;
      case 'bytes':
        this.base64();
        break;
      case 'Timestamp':
        this.timestamp();
        break;
      case 'Struct':
        this.struct(reader.varint(), level);
        break;
      default: {
        const length = reader.varint();
        this.message(type, reader.position + length, level);
        break;
      }
    }
  }

  private struct(length: number, level: number): void {
    const { reader } = this;
    const end = reader.position + length;
    const start = this.begin(OPEN_BRACE);
    while (reader.position < end) {
      this.next(start, level + 1);
      reader.varint();
      reader.varint();
      reader.varint();
      this.string();
      this.colon();
      reader.varint();
      this.jsonValue(level + 1);
    }
    this.end(CLOSE_BRACE, start, level);
  }

  /** A `google.protobuf.Value`: its length, then its one field. */
  private jsonValue(level: number): void {
    const { reader } = this;
    reader.varint();
    switch (reader.varint()) {
      case NULL_VALUE:
        reader.varint();
        this.text('null');
        break;
      case NUMBER_VALUE:
        this.text(doubleText(reader.double()));
        break;
      case STRING_VALUE:
        this.string();
        break;
      case BOOL_VALUE:
        this.text(reader.varint() === 1 ? 'true' : 'false');
        break;
      case STRUCT_VALUE:
        this.struct(reader.varint(), level);
        break;
      default:
        this.jsonList(reader.varint(), level);
        break;
    }
  }

  private jsonList(length: number, level: number): void {
    const { reader } = this;
    const end = reader.position + length;
    const start = this.begin(OPEN_BRACKET);
    while (reader.position < end) {
      this.next(start, level + 1);
      reader.varint();
      this.jsonValue(level + 1);
    }
    this.end(CLOSE_BRACKET, start, level);
  }

  private timestamp(): void {
    const { reader } = this;
    const end = reader.varint() + reader.position;
    let seconds = 0;
    let nanos = 0;
    while (reader.position < end) {
      if (reader.varint() >>> 3 === 1) seconds = Number(reader.int64Text());
      else nanos = reader.varint();
    }
    if (seconds !== this.lastSeconds) {
      this.lastSeconds = seconds;
      this.lastSecondText = secondText(seconds);
    }
    this.text(`"${this.lastSecondText}${fractionText(nanos)}Z"`);
  }

  private base64(): void {
    const { reader } = this;
    const length = reader.varint();
    const end = reader.position + length;
    this.text(`"${reader.bytes.toString('base64', reader.position, end)}"`);
    reader.position = end;
  }

  private string(): void {
    const { reader, output } = this;
    const length = reader.varint();
    const start = reader.position;
    reader.position += length;
    output.reserve(length + 2);
    const { buffer } = output;
    const { bytes } = reader;
    let to = output.position;
    buffer[to++] = QUOTE;
    for (let from = start; from < start + length; from++) {
      const byte = bytes[from] ?? 0;
      if (byte < BLANK || byte > 0x7e || byte === QUOTE || byte === BACKSLASH) {
        this.text(stringText(bytes.toString('utf8', start, start + length)));
        return;
      }
      buffer[to++] = byte;
    }
    buffer[to++] = QUOTE;
    output.position = to;
  }

  private layoutOf(type: string): readonly (KeyedField | undefined)[] {
    let layout = this.layouts.get(type);
    if (!layout) {
      const byNumber: (KeyedField | undefined)[] = [];
      for (const field of fieldsOf(type)) byNumber[field.number] = { ...field, keys: [] };
      layout = byNumber;
      this.layouts.set(type, layout);
    }
    return layout;
  }
}
