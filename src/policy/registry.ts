import type { Logger } from 'pino';
import type { BackendHost, LocatedPackage } from '../backend/host.ts';
import { type Clock, settlesWithin } from '../clock.ts';
import { ConflictError, NotFoundError, UnavailableError } from '../errors.ts';
import type { Events } from '../events.ts';
import type { RunCoordinator, RunHistory } from '../run/contract.ts';
import type { Run } from '../run/run.ts';
import { Slices } from '../run/slices.ts';
import type { Trigger } from '../trigger/contract.ts';
import { AppliedPolicy } from './applied-policy.ts';
import { BundleFollowers } from './bundle-followers.ts';
import type {
  PolicyDraft,
  PolicyRegistry,
  PolicyView,
  Provenance,
  Replacement,
  ValidatedPolicy,
} from './contract.ts';
import { DormantPolicy } from './dormant-policy.ts';
import { Firing } from './firing.ts';
import { isWrittenAs } from './kept-document.ts';
import { KeptPolicies } from './kept-policies.ts';
import { logApplied } from './log-applied.ts';
import { type OpenedDraft, openPackages } from './open-packages.ts';
import type { KeptPolicy, PolicyStore } from './policy-store.ts';
import { Reservations } from './reservations.ts';
import { isSameDraft } from './same-draft.ts';
import { inSlices, type Steps } from './steps.ts';
import { validatePolicies } from './validate.ts';
import { Waking } from './waking.ts';

interface RegistryParts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly events: Events;
  readonly host: BackendHost;
  readonly coordinator: RunCoordinator;
  readonly history: RunHistory;
  /** Asked for when the first document is to be read, and each time after that. */
  readonly reader: () => Promise<PolicyReader>;
  /** Where policies outlive the daemon, if they do. */
  readonly store?: PolicyStore | undefined;
}

/** Makes policies of documents. */
export interface PolicyReader {
  /** Throws a `RequestError` for a document that is not as it should be. */
  readDocument(document: Buffer, provenance: Provenance): Steps<readonly PolicyDraft[]>;
  /** The same of one policy, written alone. */
  readPolicy(name: string, document: Buffer, provenance: Provenance): Steps<PolicyDraft>;
  /** One that was kept. */
  readKept(kept: KeptPolicy): PolicyDraft;
}

/** A draft that needs nothing more. */
interface PreparedDraft extends OpenedDraft {
  readonly trigger: Trigger;
}

/** One that was kept; its trigger is made where it has none. */
type WokenDraft = OpenedDraft & Partial<PreparedDraft>;

/** What becomes of a draft: one that is there already stays, another is kept where policies are. */
interface PlannedDraft extends PreparedDraft {
  readonly stays: boolean;
  readonly entry: KeptPolicy | undefined;
}

/** A DELETE answers within a second (sheet: REST): half of it for the backend to stop by itself. */
const CANCEL_GRACE_MS = 500;
const CANCEL_LIMIT_MS = 900;
/** What the backend gets after that to tear the policy down. */
const TEARDOWN_GRACE_MS = 300;

/** How long the event loop may be kept by documents that are read, all of them together. */
const READING_SLICE_MS = 8;

const REPLACED = 'the policy was replaced';

/** All policies of the daemon: applies documents, all or nothing, and lets their triggers fire runs. */
export function createPolicyRegistry(parts: RegistryParts): PolicyRegistry {
  return new Registry(parts);
}

class Registry implements PolicyRegistry {
  readonly #parts: RegistryParts;
  readonly #policies = new Map<string, AppliedPolicy | DormantPolicy>();
  /** Names of an earlier life's policies that nobody has touched since, and whether they have had their only run. */
  readonly #untouched = new Map<string, boolean>();
  readonly #kept: KeptPolicies | undefined;
  readonly #waking: Waking;
  readonly #firing: Firing;
  readonly #reservations = new Reservations();
  readonly #loadedPackages = new Set<string>();
  readonly #bundles: BundleFollowers;
  readonly #reading: Slices;
  #isStopped = false;

  constructor(parts: RegistryParts) {
    this.#parts = parts;
    this.#firing = new Firing(parts);
    this.#reading = new Slices(parts.clock, READING_SLICE_MS);
    this.#bundles = new BundleFollowers(parts);
    this.#kept = parts.store && new KeptPolicies(parts.store, parts.clock);
    this.#waking = new Waking({
      ...parts,
      slices: this.#reading,
      read: async (kept) => (await parts.reader()).readKept(kept),
      isThere: (policy) => this.#policies.get(policy.name) === policy,
      wake: (policy, opened) => this.#wake(policy, opened),
    });
  }

  get size(): number {
    return this.#policies.size;
  }

  names(): Iterable<string> {
    return this.#policies.keys();
  }

  get(name: string): PolicyView | undefined {
    return this.#policies.get(name)?.view();
  }

  packageOf(name: string): LocatedPackage | undefined {
    const policy = this.#policies.get(name);
    return policy instanceof AppliedPolicy ? policy.lease.package : undefined;
  }

  failureOf(name: string): string | undefined {
    const policy = this.#policies.get(name);
    return policy instanceof DormantPolicy ? policy.failure : undefined;
  }

  faultOf(name: string): string | undefined {
    const policy = this.#policies.get(name);
    return policy instanceof AppliedPolicy ? policy.setupFault?.reason : undefined;
  }

  loadedPackages(): readonly string[] {
    return [...this.#loadedPackages];
  }

  async restore(): Promise<void> {
    const found = (await this.#kept?.found()) ?? [];
    this.#firing.noteRestart();
    const dormant = found.map((policy) => new DormantPolicy(policy));
    for (const policy of dormant) {
      this.#policies.set(policy.name, policy);
      this.#untouched.set(policy.name, policy.kept.hasRun);
    }
    if (dormant.length === 0) return;
    this.#parts.log.info(
      { module: 'worker.policy.manager' },
      `Going on with ${dormant.length} policies of the daemon's earlier life`,
    );
    void this.#waking.begin(dormant);
  }

  async apply(document: Buffer, provenance: Provenance): Promise<readonly string[]> {
    this.#refuseWhenStopped();
    const drafts = await this.#read((reader) => reader.readDocument(document, provenance));
    const names = drafts.map(({ name }) => name);
    const firstTaken = names.findIndex((name) => this.#isTaken(name));
    if (firstTaken !== -1) return await this.#refuseTaken(drafts, firstTaken);
    const letGo = this.#reservations.hold(names);
    try {
      await this.#place(await this.#prepare(drafts), provenance);
    } finally {
      letGo();
    }
    return names;
  }

  async replace(
    name: string,
    document: Buffer,
    { provenance, cancelRuns }: { readonly provenance: Provenance; readonly cancelRuns: boolean },
  ): Promise<Replacement> {
    this.#refuseWhenStopped();
    const draft = await this.#read((reader) => reader.readPolicy(name, document, provenance));
    const letGo = await this.#reservations.holdInTurn(name);
    try {
      const current = this.#policies.get(name);
      if (current instanceof AppliedPolicy && isSameDraft(current.draft, draft)) {
        this.#untouched.delete(name);
        return 'unchanged';
      }
      const prepared = await this.#prepare([draft]);
      const [outcome = 'unchanged'] = await this.#place(prepared, provenance, cancelRuns);
      return outcome;
    } finally {
      letGo();
    }
  }

  validate(document: Buffer, provenance: Provenance): Promise<readonly ValidatedPolicy[]> {
    const { host, clock } = this.#parts;
    return validatePolicies(document, {
      host,
      readDocument: (written) => {
        this.#refuseWhenStopped();
        return this.#read((reader) => reader.readDocument(written, provenance));
      },
      isTaken: (name) => this.#isTaken(name),
      now: clock.now(),
    });
  }

  submit(name: string): Readonly<Run> {
    this.#refuseWhenStopped();
    const policy = this.#find(name);
    if (policy instanceof AppliedPolicy) return this.#parts.coordinator.submit(policy);
    if (policy.failure === undefined) throw new UnavailableError(`policy '${name}' is still being loaded`);
    throw new ConflictError(`policy '${name}' cannot be run: ${policy.failure}`);
  }

  /**
   * Where policies are not kept, the name is free as soon as this returns its promise: a policy of the same name that
   * is applied meanwhile is another one, and the old one's runs are cancelled all the same.
   */
  async delete(name: string): Promise<void> {
    this.#refuseWhenStopped();
    const policy = this.#find(name);
    if (this.#kept === undefined) return await this.#drop(policy);
    const letGo = await this.#reservations.holdInTurn(name);
    let dropped: Promise<void>;
    try {
      // What was kept while the stop began is on disk alone: only the daemon's next life can delete it.
      this.#refuseWhenStopped();
      const current = this.#find(name);
      await this.#kept.remove(current.number);
      dropped = this.#drop(current);
    } finally {
      letGo();
    }
    await dropped;
  }

  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#waking.stop();
    for (const policy of this.#policies.values()) {
      if (!(policy instanceof AppliedPolicy)) continue;
      policy.trigger.stop();
      policy.release();
      this.#parts.events.emit('policy:stopped', { policy: policy.name });
    }
  }

  /** Requests are read in the order in which they came. */
  async #read<Drafts>(reading: (reader: PolicyReader) => Steps<Drafts>): Promise<Drafts> {
    return await inSlices(reading(await this.#parts.reader()), this.#reading);
  }

  async tearDown(graceMs: number): Promise<void> {
    const policies = [...this.#policies.values()].filter((policy) => policy instanceof AppliedPolicy);
    await Promise.all(policies.map(async (policy) => policy.tearDown(graceMs)));
  }

  #isTaken(name: string): boolean {
    const isThere = this.#policies.has(name) && !this.#untouched.has(name);
    return isThere || this.#reservations.has(name);
  }

  #find(name: string): AppliedPolicy | DormantPolicy {
    const policy = this.#policies.get(name);
    if (!policy) throw new NotFoundError(`policy '${name}' not found`);
    return policy;
  }

  #refuseWhenStopped(): void {
    if (this.#isStopped) throw new UnavailableError('the daemon is stopping');
  }

  /** Upstream looks at one policy after the other: what is wrong with one before the name that is taken comes first. */
  async #refuseTaken(drafts: readonly PolicyDraft[], firstTaken: number): Promise<never> {
    const opened = await openPackages(this.#parts.host, drafts.slice(0, firstTaken));
    for (const { hold } of opened) hold.release();
    throw new ConflictError(`policy '${drafts[firstTaken]?.name}' already exists`);
  }

  /** All of a document's policies that takes a while: its packages, and the first moment of each schedule. */
  async #prepare(drafts: readonly PolicyDraft[]): Promise<readonly PreparedDraft[]> {
    const opened = await openPackages(this.#parts.host, drafts);
    return await inSlices(this.#withTriggers(opened), this.#reading);
  }

  *#withTriggers(opened: readonly OpenedDraft[]): Steps<readonly PreparedDraft[]> {
    const prepared: PreparedDraft[] = [];
    for (const one of opened) {
      yield;
      prepared.push({ ...one, trigger: this.#firing.triggerOf(one.draft) });
    }
    return prepared;
  }

  /**
   * Keeps what is new, then lets it take its place. Resolves, once runs that are to be cancelled are, with what came of
   * each.
   */
  async #place(
    prepared: readonly PreparedDraft[],
    provenance: Provenance,
    cancelRuns = false,
  ): Promise<readonly Replacement[]> {
    const planned = prepared.map((one) => this.#plan(one, provenance));
    try {
      this.#refuseWhenStopped();
      if (this.#kept) await this.#kept.save(planned.flatMap(({ entry }) => entry ?? []));
    } catch (error) {
      for (const { hold } of prepared) hold.release();
      throw error;
    }
    return await Promise.all(this.#commit(planned, cancelRuns));
  }

  #plan(prepared: PreparedDraft, provenance: Provenance): PlannedDraft {
    const stays = this.#stays(prepared.draft);
    return { ...prepared, stays, entry: stays ? undefined : this.#kept?.entryOf(prepared.draft, provenance) };
  }

  /** One that was owed a single run and has had it is applied anew. */
  #stays(draft: PolicyDraft): boolean {
    const hasRun = this.#untouched.get(draft.name);
    const current = this.#policies.get(draft.name);
    if (hasRun === undefined || !current || (hasRun && draft.schedule === undefined)) return false;
    if (current instanceof AppliedPolicy) return isSameDraft(current.draft, draft);
    return isWrittenAs(current.kept.document, draft);
  }

  /** Nothing in here waits: a document's policies are there all at once, each in the place of the one before it. */
  #commit(planned: readonly PlannedDraft[], cancelRuns: boolean): Promise<Replacement>[] {
    if (this.#isStopped) return this.#leaveToNextLife(planned);
    const policies = new Map<PlannedDraft, AppliedPolicy>();
    try {
      for (const one of planned) if (!one.stays) policies.set(one, this.#start(one));
    } catch (error) {
      for (const { trigger } of policies.values()) trigger.stop();
      for (const { hold } of planned) hold.release();
      throw error;
    }
    return planned.map(async (one) => {
      const before = this.#policies.get(one.draft.name);
      const policy = policies.get(one);
      if (policy === undefined) return this.#goOn(before, one);
      this.#untouched.delete(policy.name);
      this.#announce(policy);
      logApplied(this.#parts.log, policy.draft);
      if (before === undefined) return 'created';
      if (before instanceof DormantPolicy) return 'replaced';
      return await this.#handOver(before, policy, cancelRuns);
    });
  }

  /** What was kept while the stop began is applied, and begins when the daemon does. */
  #leaveToNextLife(planned: readonly PlannedDraft[]): Promise<Replacement>[] {
    for (const { hold } of planned) hold.release();
    if (this.#kept === undefined) this.#refuseWhenStopped();
    return planned.map(async () => 'created');
  }

  /** A policy of an earlier life is applied again as it is. */
  #goOn(before: AppliedPolicy | DormantPolicy | undefined, prepared: PreparedDraft): Replacement {
    this.#untouched.delete(prepared.draft.name);
    if (before instanceof DormantPolicy) this.#wake(before, prepared);
    else prepared.hold.release();
    return 'unchanged';
  }

  /** Its trigger fires later at the soonest, when the policy is known. */
  #start({ draft, hold, trigger, entry }: PlannedDraft): AppliedPolicy {
    const before = this.#policies.get(draft.name);
    const replaced = before instanceof AppliedPolicy ? before : undefined;
    const policy = new AppliedPolicy(draft, entry?.number ?? 0, trigger, hold, replaced);
    this.#firing.start(policy);
    return policy;
  }

  /** A policy of an earlier life is there again, with the runs that it is owed and those that it missed. */
  #wake({ kept }: DormantPolicy, { draft, hold, trigger = this.#firing.triggerOf(draft) }: WokenDraft): void {
    const policy = new AppliedPolicy(draft, kept.number, trigger, hold);
    this.#announce(policy);
    this.#firing.startAgain(policy, kept);
  }

  #announce(policy: AppliedPolicy): void {
    const { events } = this.#parts;
    const before = this.#policies.get(policy.name);
    const replaced = before instanceof AppliedPolicy ? before : undefined;
    this.#policies.set(policy.name, policy);
    this.#loadedPackages.add(policy.draft.packageName);
    this.#bundles.add(policy);
    policy.settle(this.#parts, replaced);
    const event = { policy: policy.name, backend: policy.lease.description.name };
    events.emit(replaced ? 'policy:replaced' : 'policy:applied', event);
  }

  async #drop(policy: AppliedPolicy | DormantPolicy): Promise<void> {
    const { clock, coordinator, events, history } = this.#parts;
    this.#policies.delete(policy.name);
    this.#untouched.delete(policy.name);
    events.emit('policy:deleted', { policy: policy.name });
    history.detach(policy.name);
    if (!(policy instanceof AppliedPolicy)) return;
    policy.isDeleted = true;
    policy.trigger.stop();
    const cancelled = coordinator.cancel(policy, 'the policy was deleted', CANCEL_GRACE_MS);
    await settlesWithin(clock, CANCEL_LIMIT_MS, this.#releaseAfter(cancelled, policy));
  }

  /** The old policy does nothing more, but for its runs under way; where they are cancelled they are waited for. */
  async #handOver(replaced: AppliedPolicy, policy: AppliedPolicy, cancelRuns: boolean): Promise<'replaced'> {
    const { clock, coordinator } = this.#parts;
    const dueAt = replaced.trigger.next();
    replaced.trigger.stop();
    if (cancelRuns) void coordinator.cancel(replaced, REPLACED, CANCEL_GRACE_MS);
    const over = this.#releaseAfter(coordinator.retire(replaced, REPLACED), replaced);
    // A moment that has come and was not fired yet is not lost.
    const isOverdue = replaced.kind === 'cron' && dueAt !== undefined && dueAt <= clock.now();
    if (isOverdue && policy.kind === 'cron') coordinator.fire(policy, 'cron', dueAt);
    if (cancelRuns) await settlesWithin(clock, CANCEL_LIMIT_MS, over);
    return 'replaced';
  }

  async #releaseAfter(cancelled: Promise<void>, policy: AppliedPolicy): Promise<void> {
    await cancelled;
    await policy.tearDown(TEARDOWN_GRACE_MS);
    policy.release();
  }
}
