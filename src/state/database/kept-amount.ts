/** Thrown by what cannot be kept for want of room. */
export class NoRoomError extends Error {
  override readonly name = 'NoRoomError';

  constructor(message = 'the data directory is full (--data-max-bytes)') {
    super(message);
  }
}

/** How much of one kind is kept, bytes or a count, with changes that are taken back as the transaction's are. */
export class KeptAmount {
  readonly #most: number;
  #committed: number;
  #now: number;

  /** @param most Infinity: as much as comes. */
  constructor(committed: number, most: number) {
    this.#committed = committed;
    this.#now = committed;
    this.#most = most;
  }

  get committed(): number {
    return this.#committed;
  }

  /** Throws a {@link NoRoomError} when there is no room for so many more. */
  admit(more: number): void {
    if (this.#now + more > this.#most) throw new NoRoomError();
  }

  /** What is above the bound; below 0: what there is still room for. */
  get excess(): number {
    return this.#now - this.#most;
  }

  add(amount: number): void {
    this.#now += amount;
  }

  take(amount: number): void {
    this.#now -= amount;
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
