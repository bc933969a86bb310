import type { Events } from '../events.ts';
import type { RunHistory, RunLine, RunLog, RunPage, RunQuery } from './contract.ts';
import { Cursors } from './cursors.ts';
import { isFinal, type Run } from './run.ts';
import { RunLogs } from './run-logs.ts';

type KeptRun = Readonly<Run>;

/** More runs than these in all are kept only where a policy has no more than {@link FEWEST_RUNS}. */
const MOST_IN_ALL = 10_000;
/** Of one policy; those that were skipped are counted apart, so that many of them push no real run out. */
const MOST_RUNS = 80;
const MOST_SKIPPED = 20;
const FEWEST_RUNS = 5;
/** Forgotten runs that the list may hold beside as many again as are kept. */
const FORGOTTEN_SLACK = 1_000;

/** Remembers runs by listening to their events, within fixed bounds. */
export function createRunHistory({ events }: { readonly events: Events }): RunHistory {
  const history = new History();
  events.on('run:opened', ({ run }) => history.open(run));
  events.on('run:logged', ({ run, line }) => history.write(run, line));
  events.on('run:finished', ({ run }) => history.finish(run));
  return history;
}

/** Runs of an applied policy, oldest first. */
interface PolicyRuns {
  readonly real: KeptRun[];
  readonly skipped: KeptRun[];
}

class History implements RunHistory {
  readonly #cursors = new Cursors();
  readonly #logs = new RunLogs();
  readonly #byId = new Map<string, KeptRun>();
  readonly #policies = new Map<string, PolicyRuns>();
  /** Of deleted policies, oldest first. */
  readonly #detached = new Set<KeptRun>();
  /** Oldest first; some of them are forgotten already, and no longer in `#byId`. */
  #inOrder: KeptRun[] = [];

  open(run: KeptRun): void {
    this.#byId.set(run.id, run);
    this.#inOrder.push(run);
    const runs = this.#policies.get(run.policy) ?? { real: [], skipped: [] };
    this.#policies.set(run.policy, runs);
    runs.real.push(run);
  }

  finish(run: KeptRun): void {
    const runs = this.#policies.get(run.policy);
    if (run.status === 'skipped' && runs?.real.at(-1) === run) {
      runs.real.pop();
      runs.skipped.push(run);
    }
    this.#keepBounds(runs);
  }

  async get(id: string): Promise<KeptRun | undefined> {
    return this.#byId.get(id);
  }

  write({ id }: KeptRun, line: RunLine): void {
    if (this.#byId.has(id)) this.#logs.add(id, line);
  }

  async log(id: string): Promise<RunLog> {
    return this.#logs.of(id);
  }

  latest(policy: string, count: number): readonly KeptRun[] {
    return (this.#policies.get(policy)?.real ?? []).slice(-count).reverse();
  }

  detach(policy: string): void {
    const runs = this.#policies.get(policy);
    if (!runs) return;
    this.#policies.delete(policy);
    for (const run of [...runs.real, ...runs.skipped]) this.#detached.add(run);
    this.#forgetDetached();
  }

  async list(query: RunQuery): Promise<RunPage> {
    const found = this.#find(query, query.limit + 1);
    const runs = found.slice(0, query.limit);
    const last = runs.at(-1);
    const isMore = found.length > runs.length && last !== undefined;
    return { runs, nextCursor: isMore ? this.#cursors.write(query, last.sequence) : undefined };
  }

  #find(query: RunQuery, count: number): KeptRun[] {
    const found: KeptRun[] = [];
    for (let index = this.#startOf(query); index >= 0 && found.length < count; index--) {
      const run = this.#inOrder[index];
      if (run && matches(run, query) && this.#byId.has(run.id)) found.push(run);
    }
    return found;
  }

  #startOf(query: RunQuery): number {
    if (query.cursor === undefined) return this.#inOrder.length - 1;
    const sequence = this.#cursors.read(query, query.cursor);
    return this.#inOrder.findLastIndex((run) => run.sequence < sequence);
  }

  /** Called when a run is over: one that has just begun may turn out to be skipped. */
  #keepBounds(runs: PolicyRuns | undefined): void {
    this.#forgetDetached();
    const isFull = this.#byId.size > MOST_IN_ALL;
    if (runs) {
      this.#forgetOldest(runs.skipped, isFull ? runs.skipped.length - 1 : MOST_SKIPPED);
      this.#forgetOldest(runs.real, isFull ? runs.real.length - 1 : MOST_RUNS);
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
      if (this.#byId.size <= MOST_IN_ALL) return;
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

function matches(run: KeptRun, { policy, status }: RunQuery): boolean {
  return (policy === undefined || run.policy === policy) && (status === undefined || run.status === status);
}
