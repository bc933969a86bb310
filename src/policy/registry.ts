import type { Logger } from 'pino';
import type { BackendHost, LocatedPackage } from '../backend/host.ts';
import { type Clock, settlesWithin } from '../clock.ts';
import { ConflictError, NotFoundError, UnavailableError } from '../errors.ts';
import type { Events } from '../events.ts';
import type { RunCoordinator, RunHistory } from '../run/contract.ts';
import type { Run } from '../run/run.ts';
import { Slices } from '../run/slices.ts';
import type { Trigger } from '../trigger/contract.ts';
import { compileCron } from '../trigger/cron.ts';
import { CronTrigger } from '../trigger/cron-trigger.ts';
import { OnceTrigger } from '../trigger/once-trigger.ts';
import { Schedule } from '../trigger/schedule.ts';
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
import { logApplied } from './log-applied.ts';
import { type OpenedDraft, openPackages } from './open-packages.ts';
import { Reservations } from './reservations.ts';
import { isSameDraft } from './same-draft.ts';
import { inSlices, type Steps } from './steps.ts';
import { validatePolicies } from './validate.ts';

interface RegistryParts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly events: Events;
  readonly host: BackendHost;
  readonly coordinator: RunCoordinator;
  readonly history: RunHistory;
  /** Asked for when the first document is to be read, and each time after that. */
  readonly reader: () => Promise<PolicyReader>;
}

/** Makes policies of documents. */
export interface PolicyReader {
  /** Throws a `RequestError` for a document that is not as it should be. */
  readDocument(document: Buffer, provenance: Provenance): Steps<readonly PolicyDraft[]>;
  /** The same of one policy, written alone. */
  readPolicy(name: string, document: Buffer, provenance: Provenance): Steps<PolicyDraft>;
}

/** A draft that needs nothing more. */
interface PreparedDraft extends OpenedDraft {
  readonly trigger: Trigger;
}

/** A DELETE answers within a second (sheet: REST): half of it for the backend to stop by itself. */
const CANCEL_GRACE_MS = 500;
const CANCEL_LIMIT_MS = 900;

/** How long the event loop may be kept by documents that are read, all of them together. */
const READING_SLICE_MS = 8;

const REPLACED = 'the policy was replaced';

/** All policies of the daemon: applies documents, all or nothing, and lets their triggers fire runs. */
export function createPolicyRegistry(parts: RegistryParts): PolicyRegistry {
  return new Registry(parts);
}

class Registry implements PolicyRegistry {
  readonly #parts: RegistryParts;
  readonly #schedule: Schedule;
  readonly #policies = new Map<string, AppliedPolicy>();
  readonly #reservations = new Reservations();
  readonly #loadedPackages = new Set<string>();
  readonly #bundles: BundleFollowers;
  readonly #reading: Slices;
  #isStopped = false;

  constructor(parts: RegistryParts) {
    this.#parts = parts;
    this.#schedule = new Schedule(parts.clock);
    this.#reading = new Slices(parts.clock, READING_SLICE_MS);
    this.#bundles = new BundleFollowers(parts);
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
    return this.#policies.get(name)?.lease.package;
  }

  loadedPackages(): readonly string[] {
    return [...this.#loadedPackages];
  }

  async apply(document: Buffer, provenance: Provenance): Promise<readonly string[]> {
    this.#refuseWhenStopped();
    const drafts = await this.#read((reader) => reader.readDocument(document, provenance));
    const names = drafts.map(({ name }) => name);
    const firstTaken = names.findIndex((name) => this.#isTaken(name));
    if (firstTaken !== -1) return await this.#refuseTaken(drafts, firstTaken);
    const letGo = this.#reservations.hold(names);
    try {
      this.#commit(await this.#prepare(drafts));
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
      if (current && isSameDraft(current.draft, draft)) return 'unchanged';
      const prepared = await this.#prepare([draft]);
      // The one that stood here before may have been deleted meanwhile.
      const replaced = this.#policies.get(name);
      this.#commit(prepared);
      if (!replaced) return 'created';
      await this.#handOver(replaced, this.#find(name), cancelRuns);
      return 'replaced';
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
    return this.#parts.coordinator.submit(this.#find(name));
  }

  /**
   * The name is free as soon as this returns its promise: a policy of the same name that is applied meanwhile is
   * another one, and the old one's runs are cancelled all the same.
   */
  async delete(name: string): Promise<void> {
    const policy = this.#find(name);
    const { clock, coordinator, events, history } = this.#parts;
    this.#policies.delete(name);
    policy.trigger.stop();
    events.emit('policy:deleted', { policy: name });
    history.detach(name);
    const cancelled = coordinator.cancel(policy, 'the policy was deleted', CANCEL_GRACE_MS);
    await settlesWithin(clock, CANCEL_LIMIT_MS, this.#releaseAfter(cancelled, policy));
  }

  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    for (const policy of this.#policies.values()) {
      policy.trigger.stop();
      policy.release();
      this.#parts.events.emit('policy:stopped', { policy: policy.name });
    }
  }

  /** Requests are read in the order in which they came. */
  async #read<Drafts>(reading: (reader: PolicyReader) => Steps<Drafts>): Promise<Drafts> {
    return await inSlices(reading(await this.#parts.reader()), this.#reading);
  }

  #isTaken(name: string): boolean {
    return this.#policies.has(name) || this.#reservations.has(name);
  }

  #find(name: string): AppliedPolicy {
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
      prepared.push({ ...one, trigger: this.#triggerOf(one.draft) });
    }
    return prepared;
  }

  /** Nothing in here waits: a document's policies are there all at once, each in the place of the one before it. */
  #commit(prepared: readonly PreparedDraft[]): void {
    const policies: AppliedPolicy[] = [];
    try {
      this.#refuseWhenStopped();
      for (const one of prepared) policies.push(this.#start(one));
    } catch (error) {
      for (const { trigger } of policies) trigger.stop();
      for (const { hold } of prepared) hold.release();
      throw error;
    }
    for (const policy of policies) this.#announce(policy);
  }

  /** Its trigger fires later at the soonest, when the policy is known. */
  #start({ draft, hold, trigger }: PreparedDraft): AppliedPolicy {
    const replaced = this.#policies.get(draft.name);
    const policy = new AppliedPolicy(draft, 0, trigger, hold, replaced);
    policy.trigger.start((dueAt) => this.#parts.coordinator.fire(policy, policy.kind, dueAt));
    return policy;
  }

  #triggerOf({ schedule, settings }: PolicyDraft): Trigger {
    const { clock } = this.#parts;
    if (schedule === undefined) return new OnceTrigger(this.#schedule, clock);
    const cron = compileCron(schedule, settings.timezone);
    // It remembers the answer until it is asked again, at the start.
    cron.nextAfter(clock.now());
    return new CronTrigger(this.#schedule, clock, cron);
  }

  #announce(policy: AppliedPolicy): void {
    const { events, log } = this.#parts;
    const replaced = this.#policies.get(policy.name);
    this.#policies.set(policy.name, policy);
    this.#loadedPackages.add(policy.draft.packageName);
    this.#bundles.add(policy);
    const event = { policy: policy.name, backend: policy.lease.description.name };
    events.emit(replaced ? 'policy:replaced' : 'policy:applied', event);
    logApplied(log, policy.draft);
  }

  /** The old policy does nothing more, but for its runs under way; where they are cancelled they are waited for. */
  async #handOver(replaced: AppliedPolicy, policy: AppliedPolicy, cancelRuns: boolean): Promise<void> {
    const { clock, coordinator } = this.#parts;
    const dueAt = replaced.trigger.next();
    replaced.trigger.stop();
    if (cancelRuns) void coordinator.cancel(replaced, REPLACED, CANCEL_GRACE_MS);
    const over = this.#releaseAfter(coordinator.retire(replaced, REPLACED), replaced);
    // A moment that has come and was not fired yet is not lost.
    const isOverdue = replaced.kind === 'cron' && dueAt !== undefined && dueAt <= clock.now();
    if (isOverdue && policy.kind === 'cron') coordinator.fire(policy, 'cron', dueAt);
    if (cancelRuns) await settlesWithin(clock, CANCEL_LIMIT_MS, over);
  }

  async #releaseAfter(cancelled: Promise<void>, policy: AppliedPolicy): Promise<void> {
    await cancelled;
    policy.release();
  }
}
