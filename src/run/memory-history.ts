import type { KeptLines, LeftRuns, RunHistory, RunLine, RunPage, RunQuery } from './contract.ts';
import { Cursors } from './cursors.ts';
import { everyLeft } from './left-runs.ts';
import { isFinal, type Run } from './run.ts';
import { RunLogs } from './run-logs.ts';

type KeptRun = Readonly<Run>;

interface Bounds {
  /** More runs than these in all are kept only where a policy has no more than {@link FEWEST_RUNS}. */
  readonly inAll: number;
  /** Of one policy; skipped ones and ingests are counted apart, so that many of them push no other run out. */
  readonly runs: number;
  readonly skipped: number;
  readonly ingests: number;
}

const FEWEST_RUNS = 5;
export const ALONE: Bounds = { inAll: 10_000, runs: 80, skipped: 20, ingests: 100 };
/** What is only there to be shown at once. */
export const BESIDE_ARCHIVE: Bounds = { inAll: 1_000, runs: FEWEST_RUNS, skipped: 0, ingests: 0 };
/** Forgotten runs that the list may hold beside as many again as are kept. */
const FORGOTTEN_SLACK = 1_000;

/** A history that is told what an earlier life left, before anything else happens. */
export interface RestoredHistory extends RunHistory {
  restore(left: LeftRuns): void;
}

/** Runs of an applied policy, oldest first. */
interface PolicyRuns {
  readonly real: KeptRun[];
  readonly skipped: KeptRun[];
  readonly ingests: KeptRun[];
}

const NO_RUNS: PolicyRuns = { real: [], skipped: [], ingests: [] };

/** Runs of this life, and the latest of earlier ones. */
export class MemoryHistory implements RestoredHistory {
  readonly #bounds: Bounds;
  readonly #cursors = new Cursors();
  readonly #logs = new RunLogs();
  readonly #byId = new Map<string, KeptRun>();
  readonly #policies = new Map<string, PolicyRuns>();
  /** Of deleted policies, oldest first. */
  readonly #detached = new Set<KeptRun>();
  /** Oldest first; some of them are forgotten already, and no longer in `#byId`. */
  #inOrder: KeptRun[] = [];

  constructor(bounds: Bounds) {
    this.#bounds = bounds;
  }

  restore(left: LeftRuns): void {
    for (const run of everyLeft(left)) this.open(run);
  }

  open(run: KeptRun): void {
    this.#byId.set(run.id, run);
    this.#inOrder.push(run);
    const runs = this.#policies.get(run.policy) ?? { real: [], skipped: [], ingests: [] };
    this.#policies.set(run.policy, runs);
    (run.trigger === 'ingest' ? runs.ingests : runs.real).push(run);
  }

  finish(run: KeptRun): void {
    const runs = this.#policies.get(run.policy);
    if (run.status === 'skipped' && runs?.real.at(-1) === run) {
      runs.real.pop();
      runs.skipped.push(run);
    }
    this.#keepBounds(runs);
  }

  underWay(): readonly KeptRun[] {
    return [...this.#byId.values()].filter(({ status }) => !isFinal(status));
  }

  find(id: string): KeptRun | undefined {
    return this.#byId.get(id);
  }

  async get(id: string): Promise<KeptRun | undefined> {
    return this.find(id);
  }

  write({ id }: KeptRun, line: RunLine): void {
    if (this.#byId.has(id)) this.#logs.add(id, line);
  }

  /** A run that was opened is here already. */
  async keep(_run: KeptRun): Promise<void> {}

  async log(id: string): Promise<KeptLines> {
    return this.#logs.of(id);
  }

  latest(policy: string, count: number): readonly KeptRun[] {
    const { real, ingests } = this.#policies.get(policy) ?? NO_RUNS;
    return (real.length > 0 ? real : ingests).slice(-count).reverse();
  }

  detach(policy: string): void {
    const runs = this.#policies.get(policy);
    if (!runs) return;
    this.#policies.delete(policy);
    for (const run of [...runs.real, ...runs.skipped, ...runs.ingests]) this.#detached.add(run);
    this.#forgetDetached();
  }

  async list(query: RunQuery): Promise<RunPage> {
    const before = query.cursor === undefined ? undefined : this.#cursors.read(query, query.cursor);
    const found = this.page(query, before, query.limit + 1);
    const runs = found.slice(0, query.limit);
    const last = runs.at(-1);
    const isMore = found.length > runs.length && last !== undefined;
    return { runs, nextCursor: isMore ? this.#cursors.write(query, last.sequence) : undefined };
  }

  /**
   * Newest first.
   * @param before only runs of a smaller sequence.
   */
  page(filter: RunFilter, before: number | undefined, count: number): KeptRun[] {
    const found: KeptRun[] = [];
    for (let index = this.#startOf(before); index >= 0 && found.length < count; index--) {
      const run = this.#inOrder[index];
      if (run && matches(run, filter) && this.#byId.has(run.id)) found.push(run);
    }
    return found;
  }

  #startOf(before: number | undefined): number {
    if (before === undefined) return this.#inOrder.length - 1;
    return this.#inOrder.findLastIndex((run) => run.sequence < before);
  }

  /** Called when a run is over: one that has just begun may turn out to be skipped. */
  #keepBounds(runs: PolicyRuns | undefined): void {
    this.#forgetDetached();
    const { inAll, runs: mostRuns, skipped: mostSkipped, ingests: mostIngests } = this.#bounds;
    const isFull = this.#byId.size > inAll;
    if (runs) {
      this.#forgetOldest(runs.skipped, isFull ? runs.skipped.length - 1 : mostSkipped);
      this.#forgetOldest(runs.ingests, isFull ? runs.ingests.length - 1 : mostIngests);
      this.#forgetOldest(runs.real, isFull ? runs.real.length - 1 : mostRuns);
    }
    this.#compact();
  }

  /** Keeps at most `most`, but never fewer than a policy is owed, and every run that is still under way. */
  #forgetOldest(runs: KeptRun[], most: number): void {
    while (runs.length > Math.max(most, FEWEST_RUNS)) {
      const oldest = runs.findIndex((run) => isFinal(run.status));
      const [forgotten] = oldest === -1 ? [] : runs.splice(oldest, 1);
      if (!forgotten) return;
      this.#forget(forgotten);
    }
  }

  #forgetDetached(): void {
    for (const run of this.#detached) {
      if (this.#byId.size <= this.#bounds.inAll) return;
      if (!isFinal(run.status)) continue;
      this.#detached.delete(run);
      this.#forget(run);
    }
  }

  #forget({ id }: KeptRun): void {
    this.#byId.delete(id);
    this.#logs.forget(id);
  }

  #compact(): void {
    if (this.#inOrder.length <= 2 * this.#byId.size + FORGOTTEN_SLACK) return;
    this.#inOrder = this.#inOrder.filter((run) => this.#byId.has(run.id));
  }
}

type RunFilter = Pick<RunQuery, 'policy' | 'status'>;

export function matches(run: KeptRun, { policy, status }: RunFilter): boolean {
  return (policy === undefined || run.policy === policy) && (status === undefined || run.status === status);
}
