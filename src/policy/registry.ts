import type { Logger } from 'pino';
import type { BackendHost, LocatedPackage } from '../backend/host.ts';
import type { Clock } from '../clock.ts';
import { ConflictError, UnavailableError } from '../errors.ts';
import type { Events } from '../events.ts';
import type { RunCoordinator, RunHistory } from '../run/contract.ts';
import type { Run } from '../run/run.ts';
import { Slices } from '../run/slices.ts';
import { AppliedPolicy } from './applied-policy.ts';
import type {
  PolicyDraft,
  PolicyRegistry,
  PolicyView,
  Provenance,
  Replacement,
  UnablePolicies,
  ValidatedPolicy,
} from './contract.ts';
import { DormantPolicy } from './dormant-policy.ts';
import { endDeleted } from './end-policy.ts';
import { Firing } from './firing.ts';
import { KeptPolicies } from './kept-policies.ts';
import { KnownPolicies } from './known-policies.ts';
import { writeLostAgain } from './lost-policies.ts';
import { type OpenedDraft, openPackages } from './open-packages.ts';
import { Placing, type PreparedDraft } from './placing.ts';
import type { PolicyReader } from './policy-reader.ts';
import type { PolicyStore } from './policy-store.ts';
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

/** How long the event loop may be kept by documents that are read, all of them together. */
const READING_SLICE_MS = 8;

/** All policies of the daemon: applies documents, all or nothing, and lets their triggers fire runs. */
export function createPolicyRegistry(parts: RegistryParts): PolicyRegistry {
  return new Registry(parts);
}

class Registry implements PolicyRegistry {
  readonly #parts: RegistryParts;
  readonly #policies = new KnownPolicies();
  readonly #reservations = new Reservations();
  readonly #kept: KeptPolicies | undefined;
  readonly #firing: Firing;
  readonly #placing: Placing;
  readonly #waking: Waking;
  readonly #reading: Slices;

  constructor(parts: RegistryParts) {
    const policies = this.#policies;
    this.#parts = parts;
    this.#firing = new Firing(parts);
    this.#reading = new Slices(parts.clock, READING_SLICE_MS);
    this.#kept = parts.store && new KeptPolicies(parts.store, parts.clock);
    this.#placing = new Placing({ ...parts, policies, firing: this.#firing, kept: this.#kept });
    if (this.#kept) this.#keepThroughDamage(this.#kept);
    this.#waking = new Waking({
      ...parts,
      slices: this.#reading,
      read: async (kept) => (await parts.reader()).readKept(kept),
      isThere: (policy) => policies.get(policy.name) === policy,
      onFailed: (policy, reason) => policies.noteFault(policy, reason),
      wake: (policy, opened) => this.#placing.wake(policy, opened),
    });
  }

  get size(): number {
    return this.#policies.size;
  }

  names(): Iterable<string> {
    return this.#policies.names();
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
    return policy instanceof DormantPolicy ? policy.failure : policy?.setupFault?.reason;
  }

  unable(): UnablePolicies {
    return this.#policies.unable;
  }

  loadedPackages(): readonly string[] {
    return this.#policies.loadedPackages();
  }

  async restore(): Promise<void> {
    const found = (await this.#kept?.found()) ?? [];
    this.#firing.noteRestart();
    const dormant = this.#policies.addDormant(found);
    if (dormant.length === 0) return;
    this.#parts.log.info(
      { module: 'worker.policy.manager' },
      `Going on with ${dormant.length} policies of the daemon's earlier life`,
    );
    void this.#waking.begin(dormant);
  }

  async apply(document: Buffer, provenance: Provenance): Promise<readonly string[]> {
    this.#policies.refuseWhenClosed();
    const drafts = await this.#read((reader) => reader.readDocument(document, provenance));
    const names = drafts.map(({ name }) => name);
    const firstTaken = names.findIndex((name) => this.#isTaken(name));
    if (firstTaken !== -1) return await this.#refuseTaken(drafts, firstTaken);
    const letGo = this.#reservations.hold(names);
    try {
      await this.#placing.place(await this.#prepare(drafts), provenance);
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
    this.#policies.refuseWhenClosed();
    const draft = await this.#read((reader) => reader.readPolicy(name, document, provenance));
    const letGo = await this.#reservations.holdInTurn(name);
    try {
      const current = this.#policies.get(name);
      if (current instanceof AppliedPolicy && isSameDraft(current.draft, draft)) {
        this.#policies.touch(name);
        return 'unchanged';
      }
      const prepared = await this.#prepare([draft]);
      const [outcome = 'unchanged'] = await this.#placing.place(prepared, provenance, cancelRuns);
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
        this.#policies.refuseWhenClosed();
        return this.#read((reader) => reader.readDocument(written, provenance));
      },
      isTaken: (name) => this.#isTaken(name),
      now: clock.now(),
    });
  }

  submit(name: string): Readonly<Run> {
    this.#policies.refuseWhenClosed();
    const policy = this.#policies.find(name);
    if (policy instanceof AppliedPolicy) return this.#parts.coordinator.submit(policy);
    if (policy.failure === undefined) throw new UnavailableError(`policy '${name}' is still being loaded`);
    throw new ConflictError(`policy '${name}' cannot be run: ${policy.failure}`);
  }

  /**
   * Where policies are not kept, the name is free as soon as this returns its promise: a policy of the same name that
   * is applied meanwhile is another one, and the old one's runs are cancelled all the same.
   */
  async delete(name: string): Promise<void> {
    this.#policies.refuseWhenClosed();
    const policy = this.#policies.find(name);
    if (this.#kept === undefined) return await this.#drop(policy);
    const letGo = await this.#reservations.holdInTurn(name);
    let dropped: Promise<void>;
    try {
      // What was kept while the stop began is on disk alone: only the daemon's next life can delete it.
      this.#policies.refuseWhenClosed();
      await this.#kept.remove(this.#policies.find(name).number);
      // One of an earlier life may have come back meanwhile.
      dropped = this.#drop(this.#policies.find(name));
    } finally {
      letGo();
    }
    await dropped;
  }

  stop(): void {
    if (this.#policies.isClosed) return;
    this.#policies.close();
    this.#waking.stop();
    for (const policy of this.#policies.applied()) {
      policy.trigger.stop();
      policy.release();
      this.#parts.events.emit('policy:stopped', { policy: policy.name });
    }
  }

  async tearDown(graceMs: number): Promise<void> {
    await Promise.all(this.#policies.applied().map(async (policy) => policy.tearDown(graceMs)));
  }

  /** What is known here and lost on disk is written once more. */
  #keepThroughDamage(kept: KeptPolicies): void {
    const [policies, reservations] = [this.#policies, this.#reservations];
    this.#parts.events.on('run:finished', ({ run }) => policies.noteEnded(run));
    kept.onRepaired(() => writeLostAgain({ policies, kept, reservations }));
  }

  /** Requests are read in the order in which they came. */
  async #read<Drafts>(reading: (reader: PolicyReader) => Steps<Drafts>): Promise<Drafts> {
    return await inSlices(reading(await this.#parts.reader()), this.#reading);
  }

  /** Those of an earlier life that nobody has touched since may be applied again. */
  #isTaken(name: string): boolean {
    return this.#policies.isTouched(name) || this.#reservations.has(name);
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

  async #drop(policy: AppliedPolicy | DormantPolicy): Promise<void> {
    const { events, history } = this.#parts;
    this.#policies.delete(policy.name);
    events.emit('policy:deleted', { policy: policy.name });
    history.detach(policy.name);
    if (policy instanceof AppliedPolicy) await endDeleted(policy, this.#parts);
  }
}
