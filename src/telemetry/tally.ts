import type { Events } from '../events.ts';
import type { Run, RunBackend, RunStatus } from '../run/run.ts';
import { LatencyHistogram } from './histogram.ts';

/** How the runs of one policy with one version of its backend ended. */
export interface Outcomes {
  readonly backend: RunBackend;
  successes: number;
  failures: number;
  /** From the start of a run to its end, sending included. */
  readonly latency: LatencyHistogram;
}

export interface PolicyTally {
  readonly policy: string;
  /** False once it was deleted. */
  isActive: boolean;
  executions: number;
  /** Of the version in use, and of the one before; the newest last. */
  readonly outcomes: Outcomes[];
}

/** Requests that were answered alike. */
export interface RequestTally {
  /** The route's template. */
  readonly path: string;
  readonly method: string;
  readonly statusCode: number;
  readonly latency: LatencyHistogram;
}

export interface Delivered {
  batches: number;
  entities: number;
  bytes: number;
}

/** Runs of a policy whose package has just changed end in two versions of it. */
const MOST_OUTCOMES = 2;
/** Deleted policies that are remembered, so that an exporter can say that they are gone. */
const MOST_DELETED = 1_000;
/** Whoever calls may invent methods; these have a name of their own. */
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
const OTHER_METHOD = '_OTHER';

/**
 * Counts what happens in the daemon since its start (sheet: Metrics), for whoever exports it. Bounded by the policies
 * that are applied and by the routes that there are.
 */
export class Tally {
  /** Epoch ms. */
  readonly startedAt: number;
  /** Deleted ones too, as far as they are remembered. */
  readonly policies = new Map<string, PolicyTally>();
  readonly requests: RequestTally[] = [];
  /** Not in their final state. */
  readonly liveRuns = new Set<Readonly<Run>>();
  /** How many reached each final state. */
  readonly ended = new Map<RunStatus, number>();
  readonly delivered: Delivered = { batches: 0, entities: 0, bytes: 0 };
  readonly #deleted = new Set<PolicyTally>();
  readonly #requestsByPath = new Map<string, RequestTally[]>();

  constructor(events: Events, startedAt: number) {
    this.startedAt = startedAt;
    events.on('policy:applied', ({ policy }) => this.#apply(this.#of(policy)));
    events.on('policy:deleted', ({ policy }) => this.#delete(this.#of(policy)));
    events.on('run:opened', ({ run }) => this.liveRuns.add(run));
    events.on('run:started', ({ run }) => this.#start(run));
    events.on('run:finished', ({ run }) => this.#finish(run));
    events.on('batch:delivered', ({ entityCount, bytes }) => this.#deliver(entityCount, bytes));
    events.on('api:answered', ({ route, method, statusCode, durationMs }) => {
      this.#requestsOf(route, method, statusCode).latency.record(durationMs);
    });
  }

  /** How many requests each route answered, whatever the status. */
  requestCounts(): Iterable<{ readonly path: string; readonly method: string; readonly count: number }> {
    const counts = new Map<string, { path: string; method: string; count: number }>();
    for (const { path, method, latency } of this.requests) {
      const key = `${method} ${path}`;
      const count = (counts.get(key)?.count ?? 0) + latency.count;
      counts.set(key, { path, method, count });
    }
    return counts.values();
  }

  #apply(tally: PolicyTally): void {
    tally.isActive = true;
    this.#deleted.delete(tally);
  }

  #delete(tally: PolicyTally): void {
    tally.isActive = false;
    this.#deleted.add(tally);
    if (this.#deleted.size <= MOST_DELETED) return;
    const [oldest] = this.#deleted;
    if (oldest === undefined) return;
    this.#deleted.delete(oldest);
    this.policies.delete(oldest.policy);
  }

  #start(run: Readonly<Run>): void {
    this.#of(run.policy).executions += 1;
  }

  /**
   * Every execution ends as one success or one failure, so that these add up. A run that failed before its backend was
   * entered is an execution too; one that was skipped, or cancelled while it waited, is none.
   */
  #finish(run: Readonly<Run>): void {
    this.liveRuns.delete(run);
    this.ended.set(run.status, (this.ended.get(run.status) ?? 0) + 1);
    if (run.startedAt === undefined) {
      if (run.status === 'skipped' || run.status === 'cancelled') return;
      this.#start(run);
    }
    const outcomes = this.#outcomesOf(run);
    if (run.status === 'completed') outcomes.successes += 1;
    else outcomes.failures += 1;
    outcomes.latency.record(durationOf(run));
  }

  #deliver(entities: number, bytes: number): void {
    this.delivered.batches += 1;
    this.delivered.entities += entities;
    this.delivered.bytes += bytes;
  }

  /** A policy that nobody applied here was deleted a while ago: its last runs end. */
  #of(policy: string): PolicyTally {
    const known = this.policies.get(policy);
    if (known !== undefined) return known;
    const tally: PolicyTally = { policy, isActive: false, executions: 0, outcomes: [] };
    this.policies.set(policy, tally);
    this.#delete(tally);
    return tally;
  }

  #outcomesOf({ policy, backend }: Readonly<Run>): Outcomes {
    const { outcomes } = this.#of(policy);
    const known = outcomes.findLast((one) => isSame(one.backend, backend));
    if (known !== undefined) return known;
    const fresh = { backend, successes: 0, failures: 0, latency: new LatencyHistogram() };
    if (outcomes.push(fresh) > MOST_OUTCOMES) outcomes.shift();
    return fresh;
  }

  #requestsOf(path: string, called: string, statusCode: number): RequestTally {
    const method = METHODS.includes(called) ? called : OTHER_METHOD;
    const ofPath = this.#requestsByPath.get(path) ?? [];
    for (const known of ofPath) if (known.statusCode === statusCode && known.method === method) return known;
    const fresh = { path, method, statusCode, latency: new LatencyHistogram() };
    this.requests.push(fresh);
    this.#requestsByPath.set(path, [...ofPath, fresh]);
    return fresh;
  }
}

/** As far as the metrics tell them apart. */
function isSame(one: RunBackend, other: RunBackend): boolean {
  return (
    one === other ||
    (one.name === other.name && one.appName === other.appName && one.appVersion === other.appVersion)
  );
}

/** The host's clock may have been set back in between. */
function durationOf(run: Readonly<Run>): number {
  const endedAt = run.finishedAt ?? run.updatedAt;
  return Math.max(0, endedAt - (run.startedAt ?? run.createdAt));
}
