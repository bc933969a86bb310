/** A limit on what goes on at once: who finds no free place waits, first come, first served. */
export class Places<Guest> {
  #free: number;
  readonly #enter: (guest: Guest) => void;
  readonly #waiting = new Set<Guest>();

  /**
   * @param limit may be Infinity.
   * @param enter is called for each guest as soon as there is a place: at once, or later.
   */
  constructor(limit: number, enter: (guest: Guest) => void) {
    this.#free = limit;
    this.#enter = enter;
  }

  take(guest: Guest): void {
    if (this.#free > 0) {
      this.#free--;
      this.#enter(guest);
    } else {
      this.#waiting.add(guest);
    }
  }

  /** Gives the place back, or ends the wait. Call it once for each `take`. */
  leave(guest: Guest): void {
    if (this.#waiting.delete(guest)) return;
    for (const next of this.#waiting) {
      this.#waiting.delete(next);
      this.#enter(next);
      return;
    }
    this.#free++;
  }
}
