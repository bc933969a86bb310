/** pino's numbers of the levels that may have to make room, the least important first; errors never do. */
const EXPENDABLE_LEVELS = [10, 20, 30, 40];

/** What room is made beyond what is needed, so that a flood does not look for room with each of its lines. */
const SPARE_SHARE = 0.1;

interface HeldLine {
  readonly text: string;
  readonly level: number;
}

/** Lines of a log that wait for a slow reader, in order and within a bound. */
export class HeldLines {
  readonly #limit: number;
  #lines: HeldLine[] = [];
  #length = 0;
  readonly #lengths = new Map<number, number>();

  /** @param limit in characters. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get isEmpty(): boolean {
    return this.#lines.length === 0;
  }

  /**
   * Adds a line. Where there is no room, the least important lines go, of those the oldest first, and the new one
   * itself when none is less important. Returns how many went.
   */
  push(text: string, level: number): number {
    const dropped = this.#fits(text) ? 0 : this.#makeRoom(text.length, level);
    if (!this.#fits(text)) return dropped + 1;
    this.#lines.push({ text, level });
    this.#count(level, text.length);
    return dropped;
  }

  /** Takes lines of at least `length` characters, if there are as many, from the front. */
  take(length: number): string {
    let text = '';
    let taken = 0;
    for (const line of this.#lines) {
      if (text.length >= length) break;
      text += line.text;
      taken += 1;
      this.#count(line.level, -line.text.length);
    }
    this.#lines.splice(0, taken);
    return text;
  }

  #fits(text: string): boolean {
    return this.#length + text.length <= this.#limit;
  }

  #makeRoom(length: number, level: number): number {
    const most = this.#limit - Math.max(length, this.#limit * SPARE_SHARE);
    const before = this.#lines.length;
    for (const expendable of EXPENDABLE_LEVELS) {
      if (expendable >= level || this.#length <= most) break;
      if (this.#lengths.get(expendable)) this.#drop(expendable, most);
    }
    return before - this.#lines.length;
  }

  #drop(level: number, most: number): void {
    this.#lines = this.#lines.filter((line) => {
      if (line.level !== level || this.#length <= most) return true;
      this.#count(level, -line.text.length);
      return false;
    });
  }

  #count(level: number, length: number): void {
    this.#length += length;
    this.#lengths.set(level, (this.#lengths.get(level) ?? 0) + length);
  }
}
