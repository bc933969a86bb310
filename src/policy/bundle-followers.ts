import type { AppliedPolicy } from './applied-policy.ts';
import { BundleFollower, type FollowerParts } from './bundle-follower.ts';

/** One follower for each bundle that policies have. */
export class BundleFollowers {
  readonly #parts: FollowerParts;
  readonly #byPackage = new Map<string, BundleFollower>();

  constructor(parts: FollowerParts) {
    this.#parts = parts;
  }

  /** From now on the policy follows its bundle, until it is released; nothing for one that has its package from elsewhere. */
  add(policy: AppliedPolicy): void {
    const { packageName } = policy.draft;
    const { link } = policy.lease;
    if (link === undefined) return;
    let follower = this.#byPackage.get(packageName);
    if (follower === undefined) {
      follower = new BundleFollower(packageName, link, this.#parts, () =>
        this.#byPackage.delete(packageName),
      );
      this.#byPackage.set(packageName, follower);
    }
    follower.add(policy, link);
    policy.follow(follower);
  }
}
