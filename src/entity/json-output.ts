import type { Output } from './output.ts';
import type { FieldInfo } from './schema.ts';

/** From this length on one native call is quicker than a loop over the characters. */
const SHORT_TEXT = 12;

const COMMA = 0x2c;
const NEWLINE = 0x0a;
const BLANK = 0x20;

/** A field and its key as it stands at each level. */
export interface KeyedField extends FieldInfo {
  readonly keys: string[];
}

/** JSON's punctuation and white space. */
export class JsonOutput {
  protected readonly output: Output;
  private readonly pretty: boolean;

  /** @param pretty by 2 blanks a level; otherwise without any white space */
  constructor(output: Output, pretty: boolean) {
    this.output = output;
    this.pretty = pretty;
  }

  /** A field's key on a line of its own. */
  protected key(field: KeyedField, first: boolean, level: number): void {
    const depth = this.pretty ? level : 0;
    field.keys[depth] ??= this.pretty ? `\n${'  '.repeat(level)}"${field.name}": ` : `"${field.name}":`;
    if (!first) this.byte(COMMA);
    this.text(field.keys[depth]);
  }

  protected begin(bracket: number): number {
    this.byte(bracket);
    return this.output.position;
  }

  /** Closes a bracket: on a line of its own when there is something inside. */
  protected end(bracket: number, start: number, level: number): void {
    if (this.output.position !== start) this.line(level);
    this.byte(bracket);
  }

  /** The line of the next of several values. */
  protected next(start: number, level: number): void {
    if (this.output.position === start) this.line(level);
    else this.separate(level);
  }

  protected separate(level: number): void {
    this.byte(COMMA);
    this.line(level);
  }

  /** Between a key of the author's and its value. */
  protected colon(): void {
    this.text(this.pretty ? ': ' : ':');
  }

  protected line(level: number): void {
    if (!this.pretty) return;
    const { output } = this;
    output.reserve(1 + 2 * level);
    output.buffer[output.position++] = NEWLINE;
    const end = output.position + 2 * level;
    while (output.position < end) output.buffer[output.position++] = BLANK;
  }

  protected byte(byte: number): void {
    this.output.reserve(1);
    this.output.buffer[this.output.position++] = byte;
  }

  /** ASCII. */
  protected text(text: string): void {
    const { output } = this;
    const { length } = text;
    output.reserve(length);
    if (length > SHORT_TEXT) {
      output.position += output.buffer.write(text, output.position, 'latin1');
      return;
    }
    for (let i = 0; i < length; i++) output.buffer[output.position++] = text.charCodeAt(i);
  }
}
