/** Names that requests are about to give to policies: each is held by one request at a time. */
export class Reservations {
  readonly #held = new Map<string, Promise<void>>();

  has(name: string): boolean {
    return this.#held.has(name);
  }

  /** Holds names that nobody holds. Returns what lets go of them. */
  hold(names: readonly string[]): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    for (const name of names) this.#held.set(name, promise);
    return () => {
      for (const name of names) this.#held.delete(name);
      resolve();
    };
  }

  /** Waits until nobody holds the name any more, first come, first served, and holds it. */
  async holdInTurn(name: string): Promise<() => void> {
    for (let held = this.#held.get(name); held; held = this.#held.get(name)) await held;
    return this.hold([name]);
  }
}
