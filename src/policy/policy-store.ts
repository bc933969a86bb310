import type { Provenance } from './contract.ts';

/** A policy as it is kept: everything that it can be read from again. */
export interface KeptPolicy {
  /** Larger than that of every policy applied before it: tells policies of one name apart. */
  readonly number: number;
  readonly name: string;
  /** `config`, `scope` and `run` as written, in JSON, `${NAME}` unexpanded: no value of the environment is ever kept. */
  readonly document: string;
  readonly provenance: Provenance;
  /** Epoch ms. */
  readonly appliedAt: number;
}

/** A policy that was kept, and what has become of it. */
export interface LastingPolicy extends KeptPolicy {
  /**
   * A run of it that nobody asked for has ended (`completed`, `failed` or `cancelled`, and not to be run again): without
   * a schedule it is owed none any more.
   */
  readonly hasRun: boolean;
}

/** A policy of an earlier life of the daemon. */
export interface FoundPolicy extends LastingPolicy {
  /** The latest moment (epoch ms) that its schedule was due and that is on record; undefined: none. */
  readonly lastDueAt: number | undefined;
}

/** Keeps the policies that are applied. */
export interface PolicyStore {
  /** In the order they were applied; one that took the place of another stands in it. */
  found(): Promise<readonly FoundPolicy[]>;
  /** Resolves when all of them are on disk, each in the place of the one of its name; rejects with `UnavailableError`, none kept. */
  save(policies: readonly KeptPolicy[]): Promise<void>;
  /** As `save`, of those that the disk has lost; one whose name another has by now stays lost. */
  saveAgain(policies: readonly LastingPolicy[]): Promise<void>;
  /**
   * What is kept may have been lost: `writeAgain` is called when there was damage and it was repaired, and once more,
   * when the disk is well again, where it rejects.
   */
  onRepaired(writeAgain: () => Promise<void>): void;
  /** Resolves when none of these numbers comes back after a restart; rejects with `UnavailableError`. */
  remove(numbers: readonly number[]): Promise<void>;
}
