import type { Logger } from 'pino';
import type { BackendHost } from '../backend/host.ts';
import type { Clock, Timer } from '../clock.ts';
import { messageOf, UnavailableError } from '../errors.ts';
import type { Slices } from '../run/slices.ts';
import type { PolicyDraft } from './contract.ts';
import type { DormantPolicy } from './dormant-policy.ts';
import { type OpenedDraft, rowsFor, withoutSecrets } from './open-packages.ts';
import { PackageHold } from './package-hold.ts';
import type { KeptPolicy } from './policy-store.ts';

interface WakingParts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly host: BackendHost;
  readonly slices: Slices;
  /** Throws what is wrong with what was kept. */
  readonly read: (kept: KeptPolicy) => Promise<PolicyDraft>;
  /** Whether it still is what its name stands for. */
  readonly isThere: (policy: DormantPolicy) => boolean;
  /** Is told why it does not run. */
  readonly onFailed: (policy: DormantPolicy, reason: string) => void;
  readonly wake: (policy: DormantPolicy, opened: OpenedDraft) => void;
}

/** A policy that could be read. */
interface Readable {
  readonly policy: DormantPolicy;
  readonly draft: PolicyDraft;
}

/** Packages that are opened side by side. */
const OPENED_AT_ONCE = 4;
/** Policies are checked with their package's schemas this many at once. */
const CHECKED_AT_ONCE = 500;
const FIRST_RETRY_MS = 5_000;
const LONGEST_RETRY_MS = 300_000;

/**
 * Reads the policies of an earlier life, opens their packages and wakes them, while the daemon is at work already. Those
 * whose package cannot be used are tried again, at first soon, then less and less often.
 */
export class Waking {
  readonly #parts: WakingParts;
  readonly #timers = new Set<Timer>();
  #isStopped = false;

  constructor(parts: WakingParts) {
    this.#parts = parts;
  }

  async begin(policies: readonly DormantPolicy[]): Promise<void> {
    const packages = Map.groupBy(await this.#readAll(policies), ({ draft }) => draft.packageName);
    const rest = packages.entries();
    const openInTurn = async (): Promise<void> => {
      for (const [packageName, readable] of rest) await this.#open(packageName, readable, FIRST_RETRY_MS);
    };
    await Promise.all(Array.from({ length: OPENED_AT_ONCE }, openInTurn));
  }

  stop(): void {
    this.#isStopped = true;
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }

  async #readAll(policies: readonly DormantPolicy[]): Promise<readonly Readable[]> {
    const readable: Readable[] = [];
    for (const policy of policies) {
      await this.#parts.slices.turn();
      if (this.#isGone(policy)) continue;
      try {
        readable.push({ policy, draft: await this.#parts.read(policy.kept) });
      } catch (error) {
        this.#fail([policy], `it cannot be read any more: ${messageOf(error)}`);
      }
    }
    return readable;
  }

  async #open(packageName: string, readable: readonly Readable[], retryMs: number): Promise<void> {
    const there = readable.filter(({ policy }) => !this.#isGone(policy));
    if (there.length === 0) return;
    const asleep = await this.#tryToOpen(packageName, there);
    if (asleep.length === 0 || this.#isStopped) return;
    const timer = this.#parts.clock.after(retryMs, () => {
      this.#timers.delete(timer);
      void this.#open(packageName, asleep, Math.min(2 * retryMs, LONGEST_RETRY_MS));
    });
    this.#timers.add(timer);
  }

  /** Resolves with those that could not be woken. */
  async #tryToOpen(packageName: string, readable: readonly Readable[]): Promise<readonly Readable[]> {
    const asleep: Readable[] = [];
    try {
      const hold = new PackageHold(await this.#parts.host.open(packageName), 1);
      try {
        for (let first = 0; first < readable.length; first += CHECKED_AT_ONCE) {
          asleep.push(...(await this.#wakeSome(readable.slice(first, first + CHECKED_AT_ONCE), hold)));
        }
      } finally {
        hold.release();
      }
    } catch (error) {
      // The daemon stops: that says nothing about the package.
      if (error instanceof UnavailableError) return [];
      return this.#failAll(readable, error);
    }
    return asleep;
  }

  async #wakeSome(readable: readonly Readable[], hold: PackageHold): Promise<readonly Readable[]> {
    const drafts = readable.map(({ draft }) => draft);
    const findings = await hold.lease.check(
      drafts.map(({ payload }) => payload),
      drafts.flatMap(({ secrets }) => secrets),
    );
    const refused: Readable[] = [];
    for (const [index, one] of readable.entries()) {
      await this.#parts.slices.turn();
      if (this.#isGone(one.policy)) continue;
      const rows = rowsFor(one.draft, findings[index] ?? []);
      if (rows.length === 0) {
        hold.take();
        this.#parts.wake(one.policy, { draft: one.draft, hold });
      } else {
        refused.push(one);
        this.#fail([one.policy], rows.map(({ field, error }) => `${field}: ${error}`).join('; '));
      }
    }
    return refused;
  }

  #failAll(readable: readonly Readable[], error: unknown): readonly Readable[] {
    const asleep = readable.filter(({ policy }) => !this.#isGone(policy));
    const reason = messageOf(
      withoutSecrets(
        error,
        asleep.map(({ draft }) => draft),
      ),
    );
    this.#fail(
      asleep.map(({ policy }) => policy),
      reason,
    );
    return asleep;
  }

  #isGone(policy: DormantPolicy): boolean {
    return this.#isStopped || !this.#parts.isThere(policy);
  }

  /** Told once, in one line, however many and however often. */
  #fail(policies: readonly DormantPolicy[], reason: string): void {
    const [first] = policies.filter(({ failure }) => failure !== reason);
    for (const policy of policies) {
      policy.failure = reason;
      this.#parts.onFailed(policy, reason);
    }
    if (!first) return;
    const others = policies.length > 1 ? ` and ${policies.length - 1} others` : '';
    this.#parts.log.error(
      { module: 'worker.policy.manager', policy: first.name },
      `Policy ${first.name}${others} of the daemon's earlier life cannot run: ${reason}`,
    );
  }
}
