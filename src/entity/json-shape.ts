import { type Ascii, asciiOf } from './ascii.ts';

/** JSON's white space with what stands beside it, by level: made when it is first needed, and kept. */
export class JsonShape {
  /** How many levels further in the inside of a bracket is. */
  readonly step: number;
  readonly colon: Ascii;
  private readonly isIndented: boolean;
  private readonly lines: Ascii[] = [];
  private readonly braces: Ascii[] = [];
  private readonly brackets: Ascii[] = [];
  private readonly keys: Map<string, Ascii>[] = [];

  /** @param isIndented by 2 blanks a level; otherwise there is no white space at all */
  constructor(isIndented: boolean) {
    this.isIndented = isIndented;
    this.step = isIndented ? 1 : 0;
    this.colon = asciiOf(isIndented ? ': ' : ':');
  }

  /** The beginning of a line. */
  line(level: number): Ascii {
    this.lines[level] ??= this.lineWith('', level);
    return this.lines[level];
  }

  /** `}` on a line of its own. */
  closingBrace(level: number): Ascii {
    this.braces[level] ??= this.lineWith('}', level);
    return this.braces[level];
  }

  /** `]` on a line of its own. */
  closingBracket(level: number): Ascii {
    this.brackets[level] ??= this.lineWith(']', level);
    return this.brackets[level];
  }

  /** A field's name at the beginning of a line; kept for good, so that it must be one of the schema's. */
  key(name: string, level: number): Ascii {
    return this.keys[level]?.get(name) ?? this.newKey(name, level);
  }

  private newKey(name: string, level: number): Ascii {
    const key = this.lineWith(`"${name}":${this.isIndented ? ' ' : ''}`, level);
    this.keys[level] ??= new Map();
    this.keys[level].set(name, key);
    return key;
  }

  private lineWith(text: string, level: number): Ascii {
    return asciiOf(this.isIndented ? `\n${'  '.repeat(level)}${text}` : text);
  }
}
