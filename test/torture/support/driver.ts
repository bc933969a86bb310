import { setTimeout as pause } from 'node:timers/promises';
import type { Answer, RealDaemon, RequestOptions } from '../../support/real-daemon.ts';
import type { Dice } from './dice.ts';
import { bulkyPlanOf, type Plan, planOf } from './plans.ts';
import { PolicyLedger } from './policy-ledger.ts';

/** A batch that the daemon said was safe on disk. */
interface KeptBatch {
  readonly runId: string;
  readonly requestId: string;
  readonly entityCount: number;
}

interface Shown {
  readonly runs: readonly { readonly id: string; readonly trigger: string }[];
}

interface Traced {
  readonly batches: readonly {
    readonly request_id: string;
    readonly kept_at: string | null;
    readonly entity_count: number;
  }[];
}

/** The child that looked into a package was killed. */
const HURT = /killed by SIGKILL/;
const MOST_POLICIES = 25;
const MOST_IN_A_DOCUMENT = 3;
const BULKY_POLICIES = 6;
const LONGEST_PAUSE_MS = 60;
const RUNS_LOOKED_AT = 5;

/** Does to a daemon what users do, and keeps a record of what it has acknowledged. */
export class Driver {
  readonly policies = new PolicyLedger();
  readonly plans = new Map<number, Plan>();
  /** Runs that were accepted on request. */
  readonly submitted = new Set<string>();
  /** Runs whose cancelling was asked for. */
  readonly cancelled = new Set<string>();
  readonly kept = new Map<string, KeptBatch>();
  /** Answers that no request should get. */
  readonly faults: string[] = [];
  readonly #journal: string;
  readonly #busy = new Set<string>();
  #names = 0;
  #versions = 0;

  constructor(journal: string) {
    this.#journal = journal;
  }

  /** Goes on until `signal` aborts or the daemon answers no more. */
  async play(daemon: RealDaemon, dice: Dice, signal: AbortSignal): Promise<void> {
    const actions = [
      ...[this.#apply, this.#apply, this.#apply],
      ...[this.#submit, this.#submit],
      ...[this.#put, this.#delete, this.#applyAgain, this.#cancel, this.#retryLetter],
    ];
    while (!signal.aborted) {
      await dice.pick(actions).call(this, daemon, dice);
      await pause(dice.between(0, LONGEST_PAUSE_MS));
    }
  }

  /** Applies policies whose runs yield twice what the spool of a small data directory takes. */
  async crowd(daemon: RealDaemon): Promise<void> {
    const plans = Array.from({ length: BULKY_POLICIES }, () =>
      this.#noted(bulkyPlanOf(`policy-${this.#names++}`, ++this.#versions, this.#journal)),
    );
    await this.#post(daemon, plans);
  }

  /** Looks again and again at what the daemon says it has kept. */
  async watch(daemon: RealDaemon, dice: Dice, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const status = dice.pick(['running', 'delivering']);
      const shown = await this.#read<Shown>(daemon, `/api/v1/runs?status=${status}&limit=${RUNS_LOOKED_AT}`);
      for (const { id } of shown?.runs ?? []) {
        const trace = await this.#read<Traced>(daemon, `/api/v1/runs/${id}/trace`);
        for (const { request_id: requestId, kept_at: keptAt, entity_count: entityCount } of trace?.batches ??
          []) {
          if (keptAt !== null) this.kept.set(requestId, { runId: id, requestId, entityCount });
        }
      }
      await pause(LONGEST_PAUSE_MS);
    }
  }

  async #apply(daemon: RealDaemon, dice: Dice): Promise<void> {
    if (this.policies.certain.length >= MOST_POLICIES) return;
    const count = dice.between(1, MOST_IN_A_DOCUMENT);
    const plans = Array.from({ length: count }, () => this.#plan(`policy-${this.#names++}`, dice));
    await this.#post(daemon, plans);
  }

  /** Taken, but for a policy of the daemon's earlier life that nobody has touched since. */
  async #applyAgain(daemon: RealDaemon, dice: Dice): Promise<void> {
    await this.#onOne(dice, (name) => this.#post(daemon, [this.#plan(name, dice)]));
  }

  async #post(daemon: RealDaemon, plans: readonly Plan[]): Promise<void> {
    const policies = Object.fromEntries(plans.map(({ name, body }) => [name, body]));
    for (const { name, version } of plans) this.policies.ask(name, version);
    const body = JSON.stringify({ policies });
    const answer = await this.#ask(daemon, '/api/v1/policies', [201, 409, 503], { method: 'POST', body });
    for (const { name, version } of plans) this.#note(answer, name, version);
  }

  async #put(daemon: RealDaemon, dice: Dice): Promise<void> {
    await this.#onOne(dice, async (name) => {
      const { version, body } = this.#plan(name, dice);
      this.policies.ask(name, version);
      const path = `/api/v1/policies/${name}${dice.chance(0.3) ? '?cancel=true' : ''}`;
      const options = { method: 'PUT', body: JSON.stringify(body) };
      this.#note(await this.#ask(daemon, path, [200, 201, 503], options), name, version);
    });
  }

  async #delete(daemon: RealDaemon, dice: Dice): Promise<void> {
    await this.#onOne(dice, async (name) => {
      this.policies.ask(name, undefined);
      const answer = await this.#ask(daemon, `/api/v1/policies/${name}`, [200, 503], { method: 'DELETE' });
      this.#note(answer, name, undefined);
    });
  }

  async #submit(daemon: RealDaemon, dice: Dice): Promise<void> {
    await this.#onOne(dice, async (name) => {
      const path = `/api/v1/policies/${name}/runs`;
      const answer = await this.#ask(daemon, path, [202, 409, 503], { method: 'POST' });
      if (answer?.status === 202) this.submitted.add(answer.json<{ id: string }>().id);
    });
  }

  async #cancel(daemon: RealDaemon, dice: Dice): Promise<void> {
    if (!dice.chance(0.2)) return;
    const shown = await this.#read<Shown>(daemon, '/api/v1/runs?limit=20');
    // What was ingested is owed, but for who gives it up by cancelling it.
    const runs = (shown?.runs ?? []).filter(({ trigger }) => trigger !== 'ingest');
    if (runs.length === 0) return;
    const { id } = dice.pick(runs);
    this.cancelled.add(id);
    await this.#ask(daemon, `/api/v1/runs/${id}/cancel`, [202, 409, 503], { method: 'POST' });
  }

  async #retryLetter(daemon: RealDaemon, dice: Dice): Promise<void> {
    const path = '/api/v1/dead-letters';
    const list = await this.#read<{ dead_letters: { id: string }[] }>(daemon, `${path}?limit=10`);
    if (list === undefined || list.dead_letters.length === 0) return;
    const { id } = dice.pick(list.dead_letters);
    await this.#ask(daemon, `${path}/${id}/retry`, [202, 404, 503], { method: 'POST' });
  }

  #plan(name: string, dice: Dice): Plan {
    return this.#noted(planOf(name, ++this.#versions, this.#journal, dice));
  }

  #noted(plan: Plan): Plan {
    this.plans.set(plan.version, plan);
    return plan;
  }

  /** One policy that is there and that nobody else is at. */
  async #onOne(dice: Dice, work: (name: string) => Promise<void>): Promise<void> {
    const free = this.policies.certain.filter(({ name }) => !this.#busy.has(name));
    if (free.length === 0) return;
    const { name } = dice.pick(free);
    this.#busy.add(name);
    await work(name);
    this.#busy.delete(name);
  }

  #note(answer: Answer | undefined, name: string, version: number | undefined): void {
    if (answer === undefined) return;
    if (answer.status < 300) this.policies.settle(name, version);
    else this.policies.withdraw(name, version);
  }

  async #read<T>(daemon: RealDaemon, path: string): Promise<T | undefined> {
    const answer = await this.#ask(daemon, path, [200, 404, 503]);
    return answer?.status === 200 ? answer.json<T>() : undefined;
  }

  /** Resolves with undefined when nobody answers: the daemon is dying. */
  async #ask(
    daemon: RealDaemon,
    path: string,
    expected: readonly number[],
    options: RequestOptions = {},
  ): Promise<Answer | undefined> {
    const headers = options.body === undefined ? {} : { 'content-type': 'application/x-yaml' };
    const answer = await daemon.request(path, { ...options, headers }).catch(() => undefined);
    if (answer && !expected.includes(answer.status) && !HURT.test(answer.text)) {
      this.faults.push(`${options.method ?? 'GET'} ${path}: ${answer.status} ${answer.text}`);
    }
    return answer;
  }
}
