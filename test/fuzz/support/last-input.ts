const LARGEST = 2 ** 18;
const COUNT = 0;
const LENGTH = 1;
const WORDS = 2;
const HEAD_BYTES = WORDS * Int32Array.BYTES_PER_ELEMENT;

/** The input that was begun last, in memory that two threads see: it outlives the one that hangs in it. */
export class LastInput {
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;

  constructor(memory = new SharedArrayBuffer(HEAD_BYTES + LARGEST)) {
    this.memory = memory;
    this.#words = new Int32Array(memory, 0, WORDS);
    this.#bytes = new Uint8Array(memory, HEAD_BYTES);
  }

  begin(input: Buffer): void {
    const kept = input.subarray(0, LARGEST);
    this.#bytes.set(kept);
    Atomics.store(this.#words, LENGTH, kept.length);
    Atomics.add(this.#words, COUNT, 1);
  }

  /** How many were begun. */
  get count(): number {
    return Atomics.load(this.#words, COUNT);
  }

  get bytes(): Buffer {
    return Buffer.from(this.#bytes.slice(0, Atomics.load(this.#words, LENGTH)));
  }
}
