import type { LiveRun } from './live-run.ts';
import type { Run } from './run.ts';

/** Runs of which something more will become in this life of the daemon. */
export class LiveRuns {
  readonly #byId = new Map<string, LiveRun>();
  #idle: PromiseWithResolvers<void> | undefined;

  add(live: LiveRun): void {
    this.#byId.set(live.run.id, live);
  }

  get(id: string): LiveRun | undefined {
    return this.#byId.get(id);
  }

  /** Harmless when repeated. */
  forget({ id }: Readonly<Run>): void {
    this.#byId.delete(id);
    if (this.#byId.size === 0) this.#idle?.resolve();
  }

  /** Resolves when there is none. */
  whenNone(): Promise<void> {
    if (this.#byId.size === 0) return Promise.resolve();
    this.#idle ??= Promise.withResolvers();
    return this.#idle.promise;
  }
}
