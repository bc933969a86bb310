/** Thrown by what cannot be kept for want of room. */
export class NoRoomError extends Error {
  override readonly name = 'NoRoomError';
}

/** How many bytes of one kind are kept, with a change that can be taken back. */
export class StoredBytes {
  readonly #most: number;
  #committed: number;
  #now: number;

  constructor(bytes: number, most: number) {
    this.#committed = bytes;
    this.#now = bytes;
    this.#most = most;
  }

  get bytes(): number {
    return this.#committed;
  }

  /** Throws a {@link NoRoomError} when there is no room for so many more. */
  admit(bytes: number): void {
    if (this.#now + bytes > this.#most)
      throw new NoRoomError('the data directory is full (--data-max-bytes)');
  }

  get excess(): number {
    return this.#now - this.#most;
  }

  add(bytes: number): void {
    this.#now += bytes;
  }

  take(bytes: number): void {
    this.#now -= bytes;
  }

  /** What to go back to when the next call fails. */
  mark(): number {
    return this.#now;
  }

  backTo(mark: number): void {
    this.#now = mark;
  }

  commit(): void {
    this.#committed = this.#now;
  }

  rollback(): void {
    this.#now = this.#committed;
  }
}
