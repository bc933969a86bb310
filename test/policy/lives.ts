import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { BackendHost } from '../../src/backend/host.ts';
import { systemClock } from '../../src/clock.ts';
import type { StopReport } from '../../src/run/contract.ts';
import type { State } from '../../src/state/contract.ts';
import { open, temporaryDirectory } from '../state/support.ts';
import { HeldClock } from '../support/held-clock.ts';
import { Policies, type Written } from './policies.ts';

type Settings = Omit<NonNullable<ConstructorParameters<typeof Policies>[0]>, 'state'>;

/** A policy that runs on the hour. */
export const hourly = { schedule: '0 * * * *' } satisfies Written;

/** One life of a daemon after the other, on the same data directory. */
export class Lives implements AsyncDisposable {
  readonly #directory = temporaryDirectory();
  readonly #settings: Settings;
  #present: { readonly policies: Policies; readonly state: State } | undefined;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /** @param changes of the settings, in this life. */
  async begin(changes: Settings = {}): Promise<Policies> {
    const { clock = systemClock } = changes;
    const state = await open(this.#directory, { clock });
    const policies = new Policies({ ...this.#settings, ...changes, clock, state });
    this.#present = { policies, state };
    await policies.goOn(state);
    return policies;
  }

  /** All that is written in the data directory. */
  bytes(): Buffer {
    return Buffer.concat(
      readdirSync(this.#directory).map((name) => readFileSync(join(this.#directory, name))),
    );
  }

  /** Where it keeps what outlives it. */
  get directory(): string {
    return this.#directory;
  }

  /** What it keeps at present. */
  get state(): State {
    if (!this.#present) throw new Error('it is dead');
    return this.#present.state;
  }

  /** From now on nothing can be kept. */
  async loseDisk(): Promise<void> {
    await this.#present?.state.close();
  }

  /** Ends it as a kill does: nothing more is written. */
  async kill(): Promise<void> {
    await this.#present?.state.close();
    await this.#end();
  }

  /** Ends it as a stop does. */
  async stop(timeoutMs = 2_000): Promise<StopReport | undefined> {
    this.#present?.policies.registry.stop();
    const report = await this.#present?.policies.coordinator.stop(timeoutMs);
    await this.#present?.state.close();
    await this.#end();
    return report;
  }

  async #end(): Promise<void> {
    await this.#present?.policies[Symbol.asyncDispose]();
    this.#present = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end();
  }
}

/** When the first life of {@link heldLives} begins. */
export const NOON = Date.UTC(2026, 0, 1, 12, 0, 30);
export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;

/** The lives of a daemon whose clock goes on in between: `at` gives one that reads so many ms after the beginning. */
export function heldLives(host: BackendHost): { lives: Lives; at: (ms: number) => HeldClock } {
  return { lives: new Lives({ host }), at: (ms) => new HeldClock(NOON + ms) };
}

export function only<Item>(items: readonly Item[]): Item {
  expect(items).toHaveLength(1);
  const [item] = items;
  if (item === undefined) throw new Error('there is none');
  return item;
}
