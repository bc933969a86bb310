/** A limit on what goes on at once: who finds no free place waits, first come, first served. */
export class Places {
  #free: number;
  readonly #waiting = new Set<() => void>();

  /** @param limit may be Infinity. */
  constructor(limit: number) {
    this.#free = limit;
  }

  /**
   * Calls `enter` as soon as there is a place: at once, or later.
   * Returns what gives the place back, or ends the wait; harmless when repeated.
   */
  take(enter: () => void): () => void {
    let isInside = false;
    const occupy = (): void => {
      isInside = true;
      enter();
    };
    const leave = (): void => {
      if (this.#waiting.delete(occupy) || !isInside) return;
      isInside = false;
      this.#passOn();
    };
    if (this.#free > 0) {
      this.#free--;
      occupy();
    } else {
      this.#waiting.add(occupy);
    }
    return leave;
  }

  #passOn(): void {
    for (const next of this.#waiting) {
      this.#waiting.delete(next);
      next();
      return;
    }
    this.#free++;
  }
}
