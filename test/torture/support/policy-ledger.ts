/** A version of a policy, as its scope says; undefined: there is no such policy. */
export type Version = number | undefined;

/**
 * What may be true of policies. A change that was asked for may have happened or not, until it is answered; a daemon that dies takes the answer
 * along.
 */
export class PolicyLedger {
  readonly #possible = new Map<string, ReadonlySet<Version>>();

  get names(): readonly string[] {
    return [...this.#possible.keys()];
  }

  /** Those of which it is known that they are there, and which version. */
  get certain(): readonly { readonly name: string; readonly version: number }[] {
    return [...this.#possible].flatMap(([name, versions]) => {
      const [version] = versions;
      return versions.size === 1 && version !== undefined ? [{ name, version }] : [];
    });
  }

  possible(name: string): ReadonlySet<Version> {
    return this.#possible.get(name) ?? new Set([undefined]);
  }

  /** The daemon was asked for this. */
  ask(name: string, version: Version): void {
    this.#possible.set(name, new Set([...this.possible(name), version]));
  }

  /** It was acknowledged, or seen. */
  settle(name: string, version: Version): void {
    this.#possible.set(name, new Set([version]));
  }

  /** It was refused. */
  withdraw(name: string, version: Version): void {
    this.#possible.set(name, new Set([...this.possible(name)].filter((other) => other !== version)));
  }
}
