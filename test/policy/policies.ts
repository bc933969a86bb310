import { vi } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { goOn } from '../../src/go-on.ts';
import type { PolicyRegistry, Replacement } from '../../src/policy/contract.ts';
import { createPolicyReader } from '../../src/policy/policy-reader.ts';
import type { PolicyStore } from '../../src/policy/policy-store.ts';
import { createPolicyRegistry } from '../../src/policy/registry.ts';
import type { Run } from '../../src/run/run.ts';
import type { State } from '../../src/state/contract.ts';
import { Runs, type Settings } from '../run/support.ts';
import { HeldClock } from '../support/held-clock.ts';

export interface Written {
  readonly package?: string;
  readonly schedule?: string;
  readonly steps?: readonly (readonly unknown[])[];
  readonly scope?: unknown;
  readonly run?: unknown;
  readonly [key: string]: unknown;
}

interface PolicySettings extends Settings {
  /** What policies may expand. */
  readonly env?: NodeJS.ProcessEnv;
  /** What the disk takes its time for. */
  readonly beforeRemoval?: () => Promise<void>;
}

/** A registry over real children. */
export class Policies extends Runs {
  readonly registry: PolicyRegistry;
  readonly #opened: Readonly<Run>[] = [];

  constructor(settings: PolicySettings = {}) {
    super(settings);
    const { env = {}, clock = systemClock } = settings;
    this.events.on('run:opened', ({ run }) => this.#opened.push(run));
    this.registry = createPolicyRegistry({
      clock,
      log: this.log,
      events: this.events,
      host: this.host,
      coordinator: this.coordinator,
      history: this.history,
      reader: async () => createPolicyReader({ env, allowEnv: [], hostTimezone: 'UTC' }),
      store: settings.state && slowStore(settings.state.policies, settings.beforeRemoval),
    });
  }

  /** Goes on with what an earlier life left, as the daemon does. */
  async goOn(state: State): Promise<void> {
    await goOn(state, this, new AbortController().signal);
  }

  /** Resolves when none of an earlier life's policies waits for its package any more. */
  async awake(): Promise<void> {
    const isAwake = (name: string): boolean =>
      this.registry.packageOf(name) !== undefined || this.registry.failureOf(name) !== undefined;
    await vi.waitUntil(() => this.names.every(isAwake), { interval: 2, timeout: 10_000 });
  }

  /** Applies these policies, of the backend `scripted` unless they say otherwise. */
  apply(policies: Readonly<Record<string, Written>>): Promise<readonly string[]> {
    return this.registry.apply(documentOf(policies), 'loopback');
  }

  /** Puts this policy in its place. */
  replace(name: string, written: Written, cancelRuns = false): Promise<Replacement> {
    const document = Buffer.from(JSON.stringify(policyOf(written)));
    return this.registry.replace(name, document, { provenance: 'loopback', cancelRuns });
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    this.registry.stop();
    await super[Symbol.asyncDispose]();
  }

  /** All runs of this name so far, skipped ones too, oldest first. */
  opened(policy: string): readonly Readonly<Run>[] {
    return this.#opened.filter((run) => run.policy === policy);
  }

  get names(): string[] {
    return [...this.registry.names()];
  }

  get messages(): string[] {
    return this.lines.map((line) => line.msg);
  }
}

function slowStore(store: PolicyStore, beforeRemoval: () => Promise<void> = async () => {}): PolicyStore {
  return { ...store, remove: (numbers) => beforeRemoval().then(() => store.remove(numbers)) };
}

/** A document of these policies, of the backend `scripted` unless they say otherwise. */
export function documentOf(policies: Readonly<Record<string, Written>>): Buffer {
  const written = Object.entries(policies).map(([name, policy]) => [name, policyOf(policy)]);
  return Buffer.from(JSON.stringify({ policies: Object.fromEntries(written) }));
}

function policyOf({ scope = null, run, steps = [], ...config }: Written): object {
  return { config: { package: 'scripted', steps, ...config }, scope, ...(run === undefined ? {} : { run }) };
}

/** Policies whose clock stands still, half a minute past noon. */
export function held(settings: Settings): { clock: HeldClock; policies: Policies } {
  const clock = new HeldClock(Date.UTC(2026, 0, 1, 12, 0, 30));
  return { clock, policies: new Policies({ ...settings, clock }) };
}

/** What it rejects with. */
export async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

/** Nothing holds a package any more: its children end as soon as they have nothing to do. */
export async function expectNoLoadedChild(policies: Policies): Promise<void> {
  const isLoaded = (): boolean => policies.host.children().some((child) => child.package !== undefined);
  await vi.waitUntil(() => !isLoaded(), { interval: 5, timeout: 10_000 });
}
