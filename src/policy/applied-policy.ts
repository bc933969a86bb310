import type { BackendLease, Life, PolicyPayload } from '../backend/host.ts';
import type { MisfireRule, Overlap, RetryRule, RunnablePolicy } from '../run/contract.ts';
import type { Trigger } from '../trigger/contract.ts';
import type { BundleFollower } from './bundle-follower.ts';
import type { PolicyDraft, PolicyView, PolicyWarning, Provenance } from './contract.ts';
import type { PackageHold } from './package-hold.ts';
import type { LastingPolicy } from './policy-store.ts';
import { Residence, type ResidenceParts, type SetupFault, TAKE_OVER_GRACE_MS } from './residence.ts';

const NONE: readonly PolicyWarning[] = [];

/** Its identity is all there is to it: an empty object of a class takes the least memory. */
class OverlapGroup {}

/** What is known of a policy beside its draft. */
export type PolicyFacts = Pick<LastingPolicy, 'number' | 'provenance' | 'hasRun'>;

/** A policy that was applied: small, because there may be a hundred thousand. */
export class AppliedPolicy implements RunnablePolicy {
  readonly draft: PolicyDraft;
  readonly number: number;
  readonly provenance: Provenance;
  /** As of a `LastingPolicy`. */
  hasRun: boolean;
  readonly trigger: Trigger;
  readonly overlapGroup: object;
  /** Why it does not have the version that its bundle leads to. */
  heldBack: readonly PolicyWarning[] = NONE;
  isDeleted = false;
  #hold: PackageHold;
  #follower: BundleFollower | undefined;
  /** undefined for one that was not settled. */
  #residenceParts: ResidenceParts | undefined;
  /** undefined as long as its backend had nothing to set up. */
  #residence: Residence | undefined;
  #isReleased = false;

  /** @param replaced the policy whose place it takes: the runs of both overlap. */
  constructor(
    draft: PolicyDraft,
    { number, provenance, hasRun }: PolicyFacts,
    trigger: Trigger,
    hold: PackageHold,
    replaced?: AppliedPolicy,
  ) {
    this.draft = draft;
    this.number = number;
    this.provenance = provenance;
    this.hasRun = hasRun;
    this.trigger = trigger;
    this.overlapGroup = replaced?.overlapGroup ?? new OverlapGroup();
    this.#hold = hold;
  }

  get name(): string {
    return this.draft.name;
  }

  get document(): string {
    return this.draft.document;
  }

  get runName(): string {
    return this.draft.runName;
  }

  get lease(): BackendLease {
    return this.#hold.lease;
  }

  get payload(): PolicyPayload {
    return this.draft.payload;
  }

  get overlap(): Overlap {
    return this.draft.settings.overlap;
  }

  get misfire(): MisfireRule {
    return this.draft.settings.misfire;
  }

  get retry(): RetryRule {
    return this.draft.settings.retry;
  }

  get timeoutMs(): number | undefined {
    return this.draft.settings.timeoutMs;
  }

  get secrets(): readonly string[] {
    return this.draft.secrets;
  }

  /** What starts its runs. */
  get kind(): 'cron' | 'once' {
    return this.draft.schedule === undefined ? 'once' : 'cron';
  }

  view(): PolicyView {
    const { name, written, settings, warnings } = this.draft;
    return {
      name,
      ...written,
      timezone: settings.timezone,
      nextRunAt: this.trigger.next(),
      warnings: [...this.heldBack, ...warnings],
      backend: { package: this.lease.package.name, version: this.lease.package.version },
      failure: undefined,
      setupFault: this.setupFault,
      crashWait: this.lease.crashWait(),
    };
  }

  /** Its package lies in a bundle: from now on its version may change. */
  follow(follower: BundleFollower): void {
    this.#follower = follower;
  }

  /**
   * Lets its backend set it up, where that has anything to set up.
   * @param replaced the policy whose place it takes: what that has set up is torn down before.
   */
  settle(parts: ResidenceParts, replaced?: AppliedPolicy): void {
    this.#residenceParts = parts;
    const before = replaced?.tearDown(TAKE_OVER_GRACE_MS);
    if (this.lease.setUp === undefined) return;
    this.#residence = new Residence(this, parts);
    this.#residence.begin(before);
  }

  /** Why its backend could not set it up; undefined when that could, or has nothing to set up. */
  get setupFault(): SetupFault | undefined {
    return this.#residence?.fault;
  }

  /** Ends what its backend has set up, for good; undefined when there is nothing. */
  tearDown(graceMs: number): Promise<void> | undefined {
    return this.#residence?.end(graceMs);
  }

  home(): Life | undefined {
    return this.#residence?.home();
  }

  catchUp(): Promise<void> | undefined {
    return this.#follower?.catchUp();
  }

  whenSettled(): Promise<void> | undefined {
    return this.#residence?.whenSettled();
  }

  /** Runs that begin from now on have another version of its package; those under way keep theirs. */
  moveTo(hold: PackageHold): void {
    hold.take();
    this.#hold.release();
    this.#hold = hold;
    if (this.#residenceParts === undefined) return;
    if (this.lease.setUp !== undefined) this.#residence ??= new Residence(this, this.#residenceParts);
    this.#residence?.move();
  }

  /** Its backend is not needed any more; harmless when repeated. */
  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#follower?.remove(this);
    this.#hold.release();
  }
}
