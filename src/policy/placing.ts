import type { Logger } from 'pino';
import type { BackendHost } from '../backend/host.ts';
import type { Clock } from '../clock.ts';
import type { Events } from '../events.ts';
import type { RunCoordinator } from '../run/contract.ts';
import type { Trigger } from '../trigger/contract.ts';
import { AppliedPolicy } from './applied-policy.ts';
import { BundleFollowers } from './bundle-followers.ts';
import type { Provenance, Replacement } from './contract.ts';
import { DormantPolicy } from './dormant-policy.ts';
import { endReplaced } from './end-policy.ts';
import type { Firing } from './firing.ts';
import type { KeptPolicies } from './kept-policies.ts';
import type { KnownPolicies } from './known-policies.ts';
import { logApplied } from './log-applied.ts';
import type { OpenedDraft } from './open-packages.ts';
import type { KeptPolicy } from './policy-store.ts';

interface PlacingParts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly events: Events;
  readonly host: BackendHost;
  readonly coordinator: RunCoordinator;
  readonly policies: KnownPolicies;
  readonly firing: Firing;
  /** undefined where policies are not kept. */
  readonly kept: KeptPolicies | undefined;
}

/** A draft that needs nothing more. */
export interface PreparedDraft extends OpenedDraft {
  readonly trigger: Trigger;
}

/** One that was kept; its trigger is made where it has none. */
type WokenDraft = OpenedDraft & Partial<PreparedDraft>;

/** What becomes of a draft: one that is there already stays, another is kept where policies are. */
interface PlannedDraft extends PreparedDraft {
  readonly provenance: Provenance;
  readonly stays: boolean;
  readonly entry: KeptPolicy | undefined;
}

/** Gives drafts their place among the policies: as new ones, instead of others, or as those of an earlier life. */
export class Placing {
  readonly #parts: PlacingParts;
  readonly #bundles: BundleFollowers;

  constructor(parts: PlacingParts) {
    this.#parts = parts;
    this.#bundles = new BundleFollowers(parts);
  }

  /**
   * Keeps what is new, then lets it take its place. Resolves, once runs that are to be cancelled are, with what came of
   * each; rejects with every hold released.
   */
  async place(
    prepared: readonly PreparedDraft[],
    provenance: Provenance,
    cancelRuns = false,
  ): Promise<readonly Replacement[]> {
    const { policies, kept } = this.#parts;
    const planned = prepared.map((one) => this.#plan(one, provenance));
    try {
      policies.refuseWhenClosed();
      if (kept) await kept.save(planned.flatMap(({ entry }) => entry ?? []));
    } catch (error) {
      for (const { hold } of prepared) hold.release();
      throw error;
    }
    return await Promise.all(this.#commit(planned, cancelRuns));
  }

  /** A policy of an earlier life is there again, with the runs that it is owed and those that it missed. */
  wake(dormant: DormantPolicy, { draft, hold, trigger }: WokenDraft): void {
    const { firing } = this.#parts;
    const policy = new AppliedPolicy(draft, dormant, trigger ?? firing.triggerOf(draft), hold);
    this.#announce(policy);
    firing.startAgain(policy, dormant.kept);
  }

  #plan(prepared: PreparedDraft, provenance: Provenance): PlannedDraft {
    const { policies, kept } = this.#parts;
    const stays = policies.hasUntouched(prepared.draft);
    return {
      ...prepared,
      provenance,
      stays,
      entry: stays ? undefined : kept?.entryOf(prepared.draft, provenance),
    };
  }

  /** Nothing in here waits: a document's policies are there all at once, each in the place of the one before it. */
  #commit(planned: readonly PlannedDraft[], cancelRuns: boolean): Promise<Replacement>[] {
    if (this.#parts.policies.isClosed) return this.#leaveToNextLife(planned);
    const started = new Map<PlannedDraft, AppliedPolicy>();
    try {
      for (const one of planned) if (!one.stays) started.set(one, this.#start(one));
    } catch (error) {
      for (const { trigger } of started.values()) trigger.stop();
      for (const { hold } of planned) hold.release();
      throw error;
    }
    return planned.map(async (one) => {
      const policy = started.get(one);
      return policy === undefined ? this.#goOn(one) : await this.#install(policy, cancelRuns);
    });
  }

  /** What was kept while the stop began is applied, and begins when the daemon does. */
  #leaveToNextLife(planned: readonly PlannedDraft[]): Promise<Replacement>[] {
    const { policies, kept } = this.#parts;
    for (const { hold } of planned) hold.release();
    if (kept === undefined) policies.refuseWhenClosed();
    return planned.map(async () => 'created');
  }

  /** Its trigger fires later at the soonest, when the policy is known. */
  #start({ draft, hold, trigger, provenance, entry }: PlannedDraft): AppliedPolicy {
    const facts = { number: entry?.number ?? 0, provenance, hasRun: false };
    const policy = new AppliedPolicy(draft, facts, trigger, hold, this.#appliedAs(draft.name));
    this.#parts.firing.start(policy);
    return policy;
  }

  /** A policy of an earlier life is applied again as it is. */
  #goOn(prepared: PreparedDraft): Replacement {
    const { policies } = this.#parts;
    const { name } = prepared.draft;
    const policy = policies.get(name);
    policies.touch(name);
    if (policy instanceof DormantPolicy) this.wake(policy, prepared);
    else prepared.hold.release();
    return 'unchanged';
  }

  async #install(policy: AppliedPolicy, cancelRuns: boolean): Promise<Replacement> {
    const { policies, log } = this.#parts;
    const before = policies.get(policy.name);
    policies.touch(policy.name);
    this.#announce(policy);
    logApplied(log, policy.draft);
    if (before === undefined) return 'created';
    if (before instanceof AppliedPolicy) await endReplaced(before, policy, this.#parts, cancelRuns);
    return 'replaced';
  }

  /** From now on the policy is what its name stands for. */
  #announce(policy: AppliedPolicy): void {
    const { policies, events } = this.#parts;
    const replaced = this.#appliedAs(policy.name);
    policies.put(policy);
    this.#bundles.add(policy);
    policy.settle(this.#parts, replaced);
    const event = { policy: policy.name, backend: policy.lease.description.name };
    events.emit(replaced ? 'policy:replaced' : 'policy:applied', event);
  }

  #appliedAs(name: string): AppliedPolicy | undefined {
    const policy = this.#parts.policies.get(name);
    return policy instanceof AppliedPolicy ? policy : undefined;
  }
}
