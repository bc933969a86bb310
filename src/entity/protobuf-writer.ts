import type { PathStep } from './entity-error.ts';
import { LARGEST_ENTITY_BYTES } from './entity-output.ts';
import { varintSize } from './output.ts';
import type { Timestamp } from './timestamp.ts';
import { Writer } from './writer.ts';

/** From this length on one native call is quicker than a loop over the characters. */
const SHORT_TEXT = 12;

/** From this length on it is worth it to count the bytes instead of making room for 3 a character. */
const LONG_TEXT = 1000;

/** Room that is asked for beyond what is written. */
const MOST_SPARE_BYTES = 3 * LONG_TEXT + 100;

/** The most that a tag and a number take. */
const TAG_AND_VARINT_BYTES = 12;

const MAP_KEY = 10;
const TIMESTAMP_SECONDS = 8;
const TIMESTAMP_NANOS = 16;

/** Entities as protobuf, without tag and length. */
export class ProtobufWriter extends Writer {
  private entityStart = 0;
  /** What says which run found an entity, once it was written. */
  private runEntry: Buffer | undefined;

  override beginEntity(index: number): void {
    super.beginEntity(index);
    this.entityStart = this.position;
  }

  override endEntity(): void {
    if (this.position - this.entityStart > LARGEST_ENTITY_BYTES) throw this.tooLarge();
  }

  override string(tag: number, name: PathStep, text: string): void {
    const { length } = text;
    this.reserve(TAG_AND_VARINT_BYTES + (length < LONG_TEXT ? length * 3 : Buffer.byteLength(text)));
    this.tag(tag);
    if (length > SHORT_TEXT || !this.shortAscii(text, length)) this.longText(name, text, length);
  }

  override integer(tag: number, _name: PathStep, value: number | bigint): void {
    this.reserve(TAG_AND_VARINT_BYTES);
    this.tag(tag);
    this.signedVarint(value);
  }

  override boolean(tag: number, _name: PathStep, value: boolean): void {
    this.reserve(TAG_AND_VARINT_BYTES);
    this.tag(tag);
    this.buffer[this.position++] = value ? 1 : 0;
  }

  override number(tag: number, _name: PathStep, value: number): void {
    this.reserve(TAG_AND_VARINT_BYTES);
    this.tag(tag);
    this.position = this.buffer.writeDoubleLE(value, this.position);
  }

  override octets(tag: number, _name: PathStep, value: Uint8Array): void {
    this.reserve(TAG_AND_VARINT_BYTES + value.length);
    this.tag(tag);
    this.varint(value.length);
    this.bytes(value);
  }

  override moment(tag: number, name: PathStep, { seconds, nanos }: Timestamp): void {
    const start = this.openMessage(tag);
    if (seconds !== 0) this.integer(TIMESTAMP_SECONDS, name, seconds);
    if (nanos !== 0) this.integer(TIMESTAMP_NANOS, name, nanos);
    this.closeMessage(start);
  }

  override null(tag: number, name: PathStep): void {
    this.boolean(tag, name, false);
  }

  override openMessage(tag: number): number {
    this.deepen();
    this.reserve(TAG_AND_VARINT_BYTES);
    this.tag(tag);
    return ++this.position;
  }

  override closeMessage(start: number): void {
    this.depth--;
    this.closeLength(start);
  }

  override openList(tag: number): number {
    return this.openMessage(tag);
  }

  override closeList(start: number): void {
    this.closeMessage(start);
  }

  override item(_place: number, value: number | bigint): void {
    this.reserve(TAG_AND_VARINT_BYTES);
    this.signedVarint(value);
  }

  override beginItems(): void {}

  override endItems(): void {}

  override beginMap(): void {}

  override endMap(): void {}

  override openEntry(tag: number, key: string): number {
    const start = this.openMessage(tag);
    this.string(MAP_KEY, key, key);
    return start;
  }

  override closeEntry(start: number): void {
    this.closeMessage(start);
  }

  override openValue(tag: number): number {
    return this.openMessage(tag);
  }

  override closeValue(start: number): void {
    this.closeMessage(start);
  }

  /** It is the same in every entity. */
  protected override writeRunEntry(): void {
    const { position } = this;
    if (this.runEntry === undefined) {
      super.writeRunEntry();
      this.runEntry = Buffer.from(this.buffer.subarray(position, this.position));
      return;
    }
    this.reserve(this.runEntry.length);
    this.bytes(this.runEntry);
  }

  protected override grow(bytes: number): void {
    const atLeast = this.position - this.entityStart + bytes - MOST_SPARE_BYTES;
    if (atLeast > LARGEST_ENTITY_BYTES) throw this.tooLarge();
    super.grow(bytes);
  }

  /** Writes a field's number and wire type; there must be room. */
  private tag(tag: number): void {
    if (tag < 128) {
      this.buffer[this.position++] = tag;
    } else {
      this.buffer[this.position++] = (tag & 127) | 128;
      this.buffer[this.position++] = tag >>> 7;
    }
  }

  /** Writes length and text, if every character is ASCII. */
  private shortAscii(text: string, length: number): boolean {
    const { buffer, position } = this;
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code > 127) return false;
      buffer[position + 1 + i] = code;
    }
    buffer[position] = length;
    this.position = position + 1 + length;
    return true;
  }

  private longText(name: PathStep, text: string, length: number): void {
    const { position } = this;
    const start = position + varintSize(length);
    const written = this.buffer.write(text, start);
    if (written !== length && !text.isWellFormed()) throw this.halfSurrogate(name);
    const shift = varintSize(written) - (start - position);
    if (shift > 0) this.buffer.copyWithin(start + shift, start, start + written);
    this.varint(written);
    this.position += written;
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
