import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import type { Clock, Timer } from '../clock.ts';
import { LONGEST_TEXT } from './messages.ts';

/** What a child's stdout or stderr may cost the daemon in a second; whoever writes more has to wait for it. */
const BYTES_PER_SECOND = 2 ** 20;
/** A line takes time however short it is: as much as so many bytes. */
const BYTES_PER_LINE = 32;
/** Lines of it that are logged in a second; others are counted. */
const LINES_PER_SECOND = 200;

/** Turns what a child writes into lines, within bounds. */
export class OutputLog {
  readonly #stream: Readable;
  readonly #clock: Clock;
  readonly #onLine: (line: string) => void;
  readonly #decoder = new StringDecoder('utf8');
  #line = '';
  #bytesLeft = BYTES_PER_SECOND;
  #linesLeft = LINES_PER_SECOND;
  #dropped = 0;
  #second: Timer | undefined;
  #isEnding = false;

  /** Resolves when nothing more will come. */
  readonly ended: Promise<void>;

  constructor(stream: Readable, clock: Clock, onLine: (line: string) => void) {
    this.#stream = stream;
    this.#clock = clock;
    this.#onLine = onLine;
    stream.on('data', (chunk: Buffer) => this.#take(chunk));
    stream.on('error', () => stream.destroy());
    this.ended = new Promise((resolve) => stream.once('close', () => resolve(this.#finish())));
  }

  /** The child is gone: takes what is left without delay. */
  drain(): void {
    this.#isEnding = true;
    this.#stream.resume();
  }

  /** Takes nothing more, even if a process that the child left behind still holds the other end. */
  close(): void {
    this.#stream.destroy();
  }

  #take(chunk: Buffer): void {
    this.#second ??= this.#clock.after(1_000, () => this.#refill());
    const [first = '', ...others] = this.#decoder.write(chunk).split('\n');
    this.#bytesLeft -= chunk.length + BYTES_PER_LINE * others.length;
    if (this.#bytesLeft <= 0 && !this.#isEnding) this.#stream.pause();
    this.#extend(first);
    for (const part of others) {
      this.#tell();
      this.#extend(part);
    }
  }

  #extend(part: string): void {
    // One character more than is shown: the sign that something was cut.
    if (this.#line.length <= LONGEST_TEXT) this.#line += part.slice(0, LONGEST_TEXT + 1 - this.#line.length);
  }

  #tell(): void {
    const line = this.#line.trimEnd();
    this.#line = '';
    if (line === '') return;
    if (this.#linesLeft-- > 0) this.#onLine(cut(line));
    else this.#dropped++;
  }

  #refill(): void {
    this.#second = undefined;
    this.#bytesLeft = BYTES_PER_SECOND;
    this.#linesLeft = LINES_PER_SECOND;
    this.#tellDropped();
    this.#stream.resume();
  }

  #tellDropped(): void {
    if (this.#dropped > 0) this.#onLine(`${this.#dropped} lines were dropped: too many in a second`);
    this.#dropped = 0;
  }

  #finish(): void {
    this.#second?.cancel();
    this.#extend(this.#decoder.end());
    this.#tell();
    this.#tellDropped();
  }
}

function cut(line: string): string {
  return line.length > LONGEST_TEXT ? `${line.slice(0, LONGEST_TEXT)}… (cut off)` : line;
}
