import { ASCII_PADDING, type Ascii, copyAscii } from './ascii.ts';
import type { PathStep } from './entity-error.ts';
import { LARGEST_ENTITY_BYTES } from './entity-output.ts';
import { doubleText, MomentBytes, stringText } from './json-scalars.ts';
import type { JsonShape } from './json-shape.ts';
import { writePlainText } from './plain-text.ts';
import { framedSize, int64Size, momentSize, tagSize } from './protobuf-size.ts';
import type { Timestamp } from './timestamp.ts';
import { Writer, type WriterOptions } from './writer.ts';

/** From this length on room for 3 bytes a character is too much. */
const LONG_TEXT = 1000;

const COMMA = 0x2c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

const MAP_KEY = 10;
const DOUBLE_SIZE = 8;

/**
 * Entities as proto3 JSON with the names of the schema, in ASCII. Limits are about protobuf: what an entity would take
 * as such is counted along the way.
 */
export class JsonWriter extends Writer {
  /** Bytes of protobuf, without tag and length; what is open is counted without its length. */
  size = 0;
  private readonly shape: JsonShape;
  private readonly firstLevel: number;
  private readonly moments = new MomentBytes();
  /** What says which run found an entity, once it was written, and its size as protobuf. */
  private runEntry: { readonly bytes: Buffer; readonly size: number } | undefined;
  /** Of the buffer. */
  private view: DataView;
  private level = 0;
  /** Nothing stands in the open bracket yet. */
  private isFirst = true;
  /** The key of the next value is written. */
  private isNamed = false;

  /** @param level of an entity's last line; its first one is not indented */
  constructor(options: WriterOptions, shape: JsonShape, level: number) {
    super(options);
    this.shape = shape;
    this.firstLevel = level * shape.step;
    this.view = new DataView(this.buffer.buffer);
  }

  override beginEntity(index: number): void {
    super.beginEntity(index);
    this.size = 0;
    this.level = this.firstLevel;
    this.isNamed = true;
    this.begin('', OPEN_BRACE);
  }

  override endEntity(): void {
    this.end(CLOSE_BRACE);
    this.checkSize();
  }

  override take(end: number, from = end): Buffer {
    const taken = super.take(end, from);
    this.view = new DataView(this.buffer.buffer);
    return taken;
  }

  override string(tag: number, name: PathStep, text: string): void {
    this.name(name);
    this.size += tagSize(tag) + framedSize(this.quoted(name, text));
  }

  override integer(tag: number, name: PathStep, value: number | bigint): void {
    this.size += tagSize(tag);
    this.item(name, value);
  }

  override item(place: PathStep, value: number | bigint): void {
    this.name(place);
    this.quoted(place, String(value));
    this.size += int64Size(value);
  }

  override boolean(tag: number, name: PathStep, value: boolean): void {
    this.name(name);
    this.ascii(value ? 'true' : 'false');
    this.size += tagSize(tag) + 1;
  }

  override number(tag: number, name: PathStep, value: number): void {
    this.name(name);
    this.ascii(doubleText(value));
    this.size += tagSize(tag) + DOUBLE_SIZE;
  }

  override octets(tag: number, name: PathStep, { buffer, byteOffset, byteLength }: Uint8Array): void {
    this.size += tagSize(tag) + framedSize(byteLength);
    this.checkSize();
    this.name(name);
    this.ascii(`"${Buffer.from(buffer, byteOffset, byteLength).toString('base64')}"`);
  }

  override moment(tag: number, name: PathStep, value: Timestamp): void {
    const start = this.openValue(tag);
    this.name(name);
    const bytes = this.moments.of(value);
    this.reserve(bytes.length);
    this.bytes(bytes);
    this.size += momentSize(value);
    this.closeValue(start);
  }

  override null(tag: number, name: PathStep): void {
    this.name(name);
    this.ascii('null');
    this.size += tagSize(tag) + 1;
  }

  override openMessage(tag: number, name: PathStep): number {
    const start = this.openValue(tag);
    this.begin(name, OPEN_BRACE);
    return start;
  }

  override closeMessage(start: number): void {
    this.end(CLOSE_BRACE);
    this.closeValue(start);
  }

  override openList(tag: number, name: PathStep): number {
    const start = this.openValue(tag);
    this.begin(name, OPEN_BRACKET);
    return start;
  }

  override closeList(start: number): void {
    this.end(CLOSE_BRACKET);
    this.closeValue(start);
  }

  override beginItems(name: string): void {
    this.begin(name, OPEN_BRACKET);
  }

  override endItems(): void {
    this.end(CLOSE_BRACKET);
  }

  override beginMap(name: string): void {
    this.begin(name, OPEN_BRACE);
  }

  override endMap(): void {
    this.end(CLOSE_BRACE);
  }

  override openEntry(tag: number, key: string): number {
    const start = this.openValue(tag);
    this.next(this.shape.line(this.level));
    this.size += tagSize(MAP_KEY) + framedSize(this.quoted(key, key));
    this.copy(this.shape.colon);
    this.isNamed = true;
    return start;
  }

  override closeEntry(start: number): void {
    this.closeValue(start);
  }

  /** What surrounds a value in protobuf alone. */
  override openValue(tag: number): number {
    this.deepen();
    this.size += tagSize(tag);
    return this.size;
  }

  override closeValue(start: number): void {
    this.depth--;
    this.size = start + framedSize(this.size - start);
  }

  /** It is the same in every entity: at the same level, and the first in its bracket. */
  protected override writeRunEntry(): void {
    const { position, size, runEntry } = this;
    if (runEntry === undefined) {
      super.writeRunEntry();
      const bytes = Buffer.from(this.buffer.subarray(position, this.position));
      this.runEntry = { bytes, size: this.size - size };
      return;
    }
    this.reserve(runEntry.bytes.length);
    this.bytes(runEntry.bytes);
    this.size += runEntry.size;
    this.isFirst = false;
  }

  protected override grow(bytes: number): void {
    this.checkSize();
    super.grow(bytes);
    this.view = new DataView(this.buffer.buffer);
  }

  private checkSize(): void {
    if (this.size > LARGEST_ENTITY_BYTES) throw this.tooLarge();
  }

  private begin(name: PathStep, bracket: number): void {
    this.name(name);
    this.reserve(1);
    this.byte(bracket);
    this.level += this.shape.step;
    this.isFirst = true;
  }

  /** Closes a bracket: on a line of its own where there is something inside. */
  private end(bracket: typeof CLOSE_BRACE | typeof CLOSE_BRACKET): void {
    const { shape } = this;
    this.level -= shape.step;
    if (this.isFirst) {
      this.reserve(1);
      this.byte(bracket);
      this.isFirst = false;
    } else {
      this.copy(bracket === CLOSE_BRACE ? shape.closingBrace(this.level) : shape.closingBracket(this.level));
    }
  }

  /** Writes what stands before a value: a field's key, or only white space before one in a list. */
  private name(name: PathStep): void {
    if (this.isNamed) {
      this.isNamed = false;
      return;
    }
    const { shape, level } = this;
    this.next(typeof name === 'number' ? shape.line(level) : shape.key(name, level));
  }

  /** The beginning of the next line in the open bracket. */
  private next(line: Ascii): void {
    this.reserve(1 + line.length + ASCII_PADDING);
    if (this.isFirst) this.isFirst = false;
    else this.byte(COMMA);
    this.position = copyAscii(this.view, this.position, line);
  }

  private copy(text: Ascii): void {
    this.reserve(text.length + ASCII_PADDING);
    this.position = copyAscii(this.view, this.position, text);
  }

  /** Writes a text with its quotes, and returns how many bytes it takes as UTF-8. */
  private quoted(name: PathStep, text: string): number {
    const { length } = text;
    if (length >= LONG_TEXT) return this.escaped(name, text);
    this.reserve(2 + 3 * length);
    const end = writePlainText(this.buffer, this.position, text);
    if (end === undefined) return this.escaped(name, text);
    this.position = end;
    return length;
  }

  private escaped(name: PathStep, text: string): number {
    if (!text.isWellFormed()) throw this.halfSurrogate(name);
    const size = Buffer.byteLength(text);
    if (size > LARGEST_ENTITY_BYTES) throw this.tooLarge();
    this.ascii(stringText(text));
    return size;
  }

  private ascii(text: string): void {
    this.reserve(text.length);
    this.position += this.buffer.write(text, this.position, 'latin1');
  }
}
