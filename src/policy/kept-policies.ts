import type { Clock } from '../clock.ts';
import type { PolicyDraft, Provenance } from './contract.ts';
import type { FoundPolicy, KeptPolicy, LastingPolicy, PolicyStore } from './policy-store.ts';

/** Numbers begin with the time, so that those of policies that were removed before a restart are not given again. */
const NUMBERS_PER_MS = 1_000;

/** The policies on disk, and the numbers that tell them apart. */
export class KeptPolicies {
  readonly #store: PolicyStore;
  readonly #clock: Clock;
  #last = 0;

  constructor(store: PolicyStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Those of the earlier life. Of a name that is there twice, the later one. */
  async found(): Promise<readonly FoundPolicy[]> {
    const now = this.#clock.now();
    const byName = new Map<string, FoundPolicy>();
    for (const policy of await this.#store.found()) {
      if (Number.isSafeInteger(policy.number)) this.#last = Math.max(this.#last, policy.number);
      if ((byName.get(policy.name)?.number ?? 0) > policy.number) continue;
      byName.set(policy.name, {
        ...policy,
        appliedAt: Number.isFinite(policy.appliedAt) ? policy.appliedAt : now,
      });
    }
    return [...byName.values()];
  }

  /** A policy that is about to be applied. */
  entryOf(draft: PolicyDraft, provenance: Provenance): KeptPolicy {
    const appliedAt = this.#clock.now();
    this.#last = Math.max(this.#last + 1, appliedAt * NUMBERS_PER_MS);
    return { number: this.#last, name: draft.name, document: draft.document, provenance, appliedAt };
  }

  /** Resolves when they are on disk; rejects with `UnavailableError`. */
  async save(policies: readonly KeptPolicy[]): Promise<void> {
    if (policies.length > 0) await this.#store.save(policies);
  }

  /** Resolves when they are on disk again; rejects with `UnavailableError`. */
  async saveAgain(policies: readonly Omit<LastingPolicy, 'appliedAt'>[]): Promise<void> {
    if (policies.length === 0) return;
    await this.#store.saveAgain(
      policies.map(({ number, name, document, provenance, hasRun }) => {
        const appliedAt = Math.floor(number / NUMBERS_PER_MS);
        return { number, name, document, provenance, appliedAt, hasRun };
      }),
    );
  }

  /** As the store's. */
  onRepaired(writeAgain: () => Promise<void>): void {
    this.#store.onRepaired(writeAgain);
  }

  /** Resolves when it will not come back; rejects with `UnavailableError`. */
  remove(number: number): Promise<void> {
    return this.#store.remove([number]);
  }
}
