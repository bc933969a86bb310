import { describeValue } from './describe.ts';
import { EntityError, formatPath, type PathStep } from './entity-error.ts';
import { Output, varintSize } from './output.ts';

/** No receiver takes an entity of more bytes. */
const LARGEST_ENTITY_BYTES = 16 * 1024 * 1024;

/** Readers of protobuf give up below this many messages inside each other, not counting the request. */
const DEEPEST_MESSAGE = 100;

/** From this length on one native call is quicker than a loop over the characters. */
const SHORT_TEXT = 12;

/** From this length on it is worth it to count the bytes instead of making room for 3 a character. */
const LONG_TEXT = 1000;

/** Room that is asked for beyond what is written. */
const MOST_SPARE_BYTES = 3 * LONG_TEXT + 100;

/** The most that a tag and a number take. */
export const TAG_AND_VARINT_BYTES = 12;

/** Protobuf messages inside each other, and the way to where the writing is. */
export class MessageOutput extends Output {
  /** Which entity is being written, for errors. */
  entityIndex = 0;
  /** How many messages are open, the entity itself counted. */
  depth = 0;
  private entityStart = 0;
  private readonly trail: PathStep[] = [];
  private steps = 0;

  /** Forgets whatever was open, and begins where the position is. */
  beginEntity(index: number): void {
    this.entityIndex = index;
    this.entityStart = this.position;
    this.depth = 1;
    this.steps = 0;
  }

  /** Remembers a step of the way, until {@link leave}. */
  enter(step: PathStep): void {
    this.trail[this.steps++] = step;
  }

  leave(): void {
    this.steps--;
  }

  /** An error about the field of this name (`''`: about the open message itself). */
  fault(name: PathStep, expected: string, value: unknown): EntityError {
    return this.faultOf(name === '' ? [] : [name], expected, describeValue(value));
  }

  /** An error at the end of these steps from here. */
  faultOf(further: readonly PathStep[], expected: string, got: string, options?: ErrorOptions): EntityError {
    const steps = [...this.trail.slice(0, this.steps), ...further];
    return new EntityError(this.entityIndex, formatPath(steps), expected, got, options);
  }

  /** Begins a message; what it returns goes to {@link close}. */
  open(tag: number): number {
    if (++this.depth > DEEPEST_MESSAGE) {
      throw this.faultOf(
        [],
        `at most ${DEEPEST_MESSAGE} messages inside each other`,
        'more, or an object that contains itself',
      );
    }
    this.reserve(TAG_AND_VARINT_BYTES);
    this.tag(tag);
    return ++this.position;
  }

  close(start: number): void {
    this.depth--;
    this.closeLength(start);
  }

  /** Writes a field's number and wire type; there must be room. */
  tag(tag: number): void {
    if (tag < 128) {
      this.buffer[this.position++] = tag;
    } else {
      this.buffer[this.position++] = (tag & 127) | 128;
      this.buffer[this.position++] = tag >>> 7;
    }
  }

  /** A bool, or an enum's 0, with its tag. */
  flag(tag: number, value: boolean): void {
    this.reserve(TAG_AND_VARINT_BYTES);
    this.tag(tag);
    this.buffer[this.position++] = value ? 1 : 0;
  }

  /** A double with its tag. */
  float64(tag: number, value: number): void {
    this.reserve(TAG_AND_VARINT_BYTES);
    this.tag(tag);
    this.position = this.buffer.writeDoubleLE(value, this.position);
  }

  /** A text with its tag and length. */
  string(tag: number, name: PathStep, text: string): void {
    const { length } = text;
    this.reserve(TAG_AND_VARINT_BYTES + (length < LONG_TEXT ? length * 3 : Buffer.byteLength(text)));
    this.tag(tag);
    if (length > SHORT_TEXT || !this.shortAscii(text, length)) this.longText(name, text, length);
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
    if (written !== length && !text.isWellFormed()) {
      throw this.faultOf([name], 'valid Unicode', 'a text with half of a surrogate pair');
    }
    const shift = varintSize(written) - (start - position);
    if (shift > 0) this.buffer.copyWithin(start + shift, start, start + written);
    this.varint(written);
    this.position += written;
  }

  /** Throws when the entity is larger than any receiver takes. */
  checkSize(): void {
    if (this.position - this.entityStart > LARGEST_ENTITY_BYTES) throw this.tooLarge();
  }

  protected override grow(bytes: number): void {
    const atLeast = this.position - this.entityStart + bytes - MOST_SPARE_BYTES;
    if (atLeast > LARGEST_ENTITY_BYTES) throw this.tooLarge();
    super.grow(bytes);
  }

  private tooLarge(): EntityError {
    const expected = `at most ${LARGEST_ENTITY_BYTES} bytes of protobuf`;
    return new EntityError(this.entityIndex, '', expected, 'more');
  }
}
