import type { Logger } from 'pino';
import type { BackendHost, PackageLink } from '../backend/host.ts';
import type { Clock } from '../clock.ts';
import { BackendError, messageOf, UnavailableError } from '../errors.ts';
import type { AppliedPolicy } from './applied-policy.ts';
import { logSwitched, logUnusable, refusedWarnings, unusableWarning } from './held-back.ts';
import { PackageHold } from './package-hold.ts';
import { switchVersion } from './switch-version.ts';

export interface FollowerParts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly host: BackendHost;
}

/** A version that could not be used is tried again after this long: the machine may only have been too busy. */
const TRY_AGAIN_MS = 60_000;

/** Keeps the policies of one bundle at the version that its link leads to. */
export class BundleFollower {
  readonly #parts: FollowerParts;
  readonly #packageName: string;
  readonly #onEmpty: () => void;
  readonly #policies = new Set<AppliedPolicy>();
  #link: PackageLink;
  /** What the link led to when the policies were last brought up to date; undefined: they may differ. */
  #seen: string | undefined;
  /** Why that version could not be used, and since when. */
  #refusal: { readonly why: string; readonly at: number } | undefined;
  #catchingUp: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #switching: Promise<void> | undefined;

  /** @param onEmpty is called when its last policy was removed. */
  constructor(packageName: string, link: PackageLink, parts: FollowerParts, onEmpty: () => void) {
    this.#packageName = packageName;
    this.#link = link;
    this.#seen = link.seen;
    this.#parts = parts;
    this.#onEmpty = onEmpty;
  }

  /** Takes a policy whose package was opened by this link. */
  add(policy: AppliedPolicy, link: PackageLink): void {
    this.#policies.add(policy);
    this.#link = link;
    if (link.seen !== this.#seen || this.#refusal !== undefined) this.#seen = undefined;
  }

  /** Harmless when repeated. */
  remove(policy: AppliedPolicy): void {
    if (this.#policies.delete(policy) && this.#policies.size === 0) this.#onEmpty();
  }

  /**
   * Resolves when the policies have the version that the link leads to, or it is known that they cannot have it; never
   * rejects. Thousands who ask at once cost one look at the link, and it begins after they asked: a link that was
   * moved before is seen, which no watching of files promises.
   */
  catchUp(): Promise<void> {
    if (this.#next !== undefined) return this.#next;
    if (this.#catchingUp === undefined) return this.#begin();
    this.#next = this.#catchingUp.then(() => this.#begin());
    return this.#next;
  }

  #begin(): Promise<void> {
    this.#next = undefined;
    this.#catchingUp = this.#lookAndSwitch().finally(() => {
      this.#catchingUp = undefined;
    });
    return this.#catchingUp;
  }

  async #lookAndSwitch(): Promise<void> {
    const seen = await this.#link.look();
    if (seen !== this.#seen) await this.#switchTo(seen);
    else if (this.#isWorthAnotherTry()) void this.#switchTo(seen);
  }

  #isWorthAnotherTry(): boolean {
    return this.#refusal !== undefined && this.#parts.clock.monotonic() - this.#refusal.at >= TRY_AGAIN_MS;
  }

  /** One after the other: another try, for which nobody waits, may be under way. */
  async #switchTo(seen: string): Promise<void> {
    await this.#switching;
    this.#switching = this.#tryToSwitch(seen);
    await this.#switching;
  }

  async #tryToSwitch(seen: string): Promise<void> {
    try {
      const hold = new PackageHold(await this.#parts.host.open(this.#packageName), 1);
      try {
        await this.#switchAll(hold);
      } finally {
        hold.release();
      }
    } catch (error) {
      // The daemon stops: that says nothing about the version.
      if (error instanceof UnavailableError) return;
      this.#refuse(messageOf(error), seen);
    }
    this.#seen = seen;
  }

  async #switchAll(hold: PackageHold): Promise<void> {
    const { link, package: version } = hold.lease;
    if (link === undefined) throw new BackendError('the bundle is gone');
    this.#link = link;
    const switched = await switchVersion(this.#policies, hold);
    for (const policy of this.#policies) {
      policy.heldBack = refusedWarnings(policy, switched.refused.get(policy) ?? [], version);
    }
    this.#refusal = undefined;
    logSwitched(this.#parts.log, version, switched);
  }

  /** Those who were moved before the fault showed are at the new version, and stay there. */
  #refuse(why: string, seen: string): void {
    const { clock, log } = this.#parts;
    const isNew = seen !== this.#seen || why !== this.#refusal?.why;
    this.#refusal = { why, at: clock.monotonic() };
    for (const policy of this.#policies) policy.heldBack = [unusableWarning(policy, why)];
    if (isNew) logUnusable(log, this.#packageName, this.#policies, why);
  }
}
