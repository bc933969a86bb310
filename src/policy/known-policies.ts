import { NotFoundError, UnavailableError } from '../errors.ts';
import { hasCome } from '../run/has-come.ts';
import type { Run } from '../run/run.ts';
import { AppliedPolicy } from './applied-policy.ts';
import type { PolicyDraft, UnablePolicies } from './contract.ts';
import { DormantPolicy } from './dormant-policy.ts';
import { isWrittenAlike } from './kept-document.ts';
import type { FoundPolicy } from './policy-store.ts';
import { isSameDraft } from './same-draft.ts';

/** All policies of the daemon by their names, until it stops. */
export class KnownPolicies {
  readonly #policies = new Map<string, AppliedPolicy | DormantPolicy>();
  /** Names of an earlier life's policies that nobody has touched since, and whether they have had their only run. */
  readonly #untouched = new Map<string, boolean>();
  readonly #loadedPackages = new Set<string>();
  /** Of those among them that cannot work: counted here, because there may be a hundred thousand to look at. */
  readonly #faults = new Map<object, NonNullable<UnablePolicies['example']>>();
  #isClosed = false;

  get size(): number {
    return this.#policies.size;
  }

  /** In the order they came. */
  names(): Iterable<string> {
    return this.#policies.keys();
  }

  /** In the order they came. */
  all(): readonly (AppliedPolicy | DormantPolicy)[] {
    return [...this.#policies.values()];
  }

  /** Those of them that were applied, or are there again. */
  applied(): readonly AppliedPolicy[] {
    return this.all().filter((policy) => policy instanceof AppliedPolicy);
  }

  /** A run has ended: its policy may have had with it the run that it was owed. */
  noteEnded(run: Readonly<Run>): void {
    const policy = this.#policies.get(run.policy);
    if (policy?.number === run.policyNumber && hasCome(run)) policy.hasRun = true;
  }

  /** Packages of policies applied so far, kept after their policies are gone. */
  loadedPackages(): readonly string[] {
    return [...this.#loadedPackages];
  }

  get(name: string): AppliedPolicy | DormantPolicy | undefined {
    return this.#policies.get(name);
  }

  /** @throws NotFoundError */
  find(name: string): AppliedPolicy | DormantPolicy {
    const policy = this.#policies.get(name);
    if (!policy) throw new NotFoundError(`policy '${name}' not found`);
    return policy;
  }

  /** The policies of an earlier life. */
  addDormant(found: readonly FoundPolicy[]): readonly DormantPolicy[] {
    const dormant = found.map((policy) => new DormantPolicy(policy));
    for (const policy of dormant) {
      this.#policies.set(policy.name, policy);
      this.#untouched.set(policy.name, policy.kept.hasRun);
    }
    return dormant;
  }

  /** Those of an earlier life that do not come back, and those whose backend could not set them up. */
  get unable(): UnablePolicies {
    const [example] = this.#faults.values();
    return { count: this.#faults.size, example };
  }

  /** @param reason why the policy cannot work; undefined: it can, or is about to. */
  noteFault(policy: { readonly name: string }, reason: string | undefined): void {
    const { name } = policy;
    if (reason === undefined) this.#faults.delete(policy);
    else if (this.#policies.get(name) === policy) this.#faults.set(policy, { name, reason });
  }

  /** Puts a policy in the place of the one of its name, if there is one. */
  put(policy: AppliedPolicy): void {
    this.#forgetFault(policy.name);
    this.#policies.set(policy.name, policy);
    this.#loadedPackages.add(policy.draft.packageName);
  }

  delete(name: string): void {
    this.#forgetFault(name);
    this.#policies.delete(name);
    this.#untouched.delete(name);
  }

  /** Somebody has applied it in this life of the daemon. */
  touch(name: string): void {
    this.#untouched.delete(name);
  }

  /** Whether a policy of this name was applied in this life of the daemon. */
  isTouched(name: string): boolean {
    return this.#policies.has(name) && !this.#untouched.has(name);
  }

  /**
   * Whether a draft says of an untouched policy what that is already. One that was owed a single run and has had it is
   * applied anew.
   */
  hasUntouched(draft: PolicyDraft): boolean {
    const hasRun = this.#untouched.get(draft.name);
    const policy = this.#policies.get(draft.name);
    if (hasRun === undefined || !policy || (hasRun && draft.schedule === undefined)) return false;
    if (policy instanceof AppliedPolicy) return isSameDraft(policy.draft, draft);
    return isWrittenAlike(policy.kept.document, draft.document);
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** The daemon stops: policies that would be new are refused, those that are there stay. */
  close(): void {
    this.#isClosed = true;
  }

  refuseWhenClosed(): void {
    if (this.#isClosed) throw new UnavailableError('the daemon is stopping');
  }

  #forgetFault(name: string): void {
    const policy = this.#policies.get(name);
    if (policy) this.#faults.delete(policy);
  }
}
