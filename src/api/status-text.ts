import type { LocatedPackage } from '../backend/host.ts';
import type { PolicyRegistry } from '../policy/contract.ts';
import type { RunHistory } from '../run/contract.ts';
import type { Run, RunStatus } from '../run/run.ts';
import { RUNS_SHOWN, shownPolicyStatus, shownStatus } from './shown-status.ts';

/** What a run looked like when its policy's text was made. */
interface RunMark {
  readonly id: string;
  readonly status: RunStatus;
  readonly entityCount: number;
  readonly updatedAt: number;
}

interface PolicyText {
  readonly name: string;
  located: LocatedPackage | undefined;
  /** Why it cannot work, whatever its runs say. */
  fault: string | undefined;
  marks: readonly RunMark[];
  text: Buffer;
}

/**
 * The `policies` list of `GET /api/v1/status`, as JSON. Whoever polls it asks for the same text again and again,
 * so a policy's part is written and encoded once a change.
 */
export class StatusText {
  readonly #registry: PolicyRegistry;
  readonly #history: RunHistory;
  readonly #byName = new Map<string, PolicyText>();
  #shown: PolicyText[] = [];
  #list = listOf([]);

  constructor(registry: PolicyRegistry, history: RunHistory) {
    this.#registry = registry;
    this.#history = history;
  }

  /** Its bytes in pieces; the same array as before when nothing has changed. */
  list(): readonly Buffer[] {
    let changed = false;
    let count = 0;
    for (const name of this.#registry.names()) {
      const runs = this.#history.latest(name, RUNS_SHOWN);
      const located = this.#registry.packageOf(name);
      const fault = this.#registry.failureOf(name);
      const policy = this.#textOf(name);
      if (policy.fault !== fault || !isSame(policy.located, located) || !isCurrent(policy.marks, runs)) {
        policy.located = located;
        policy.fault = fault;
        policy.marks = runs.map(markOf);
        policy.text = policyText(policy, runs);
        changed = true;
      }
      if (this.#shown[count] !== policy) changed = true;
      this.#shown[count] = policy;
      count += 1;
    }
    if (changed || count !== this.#shown.length) this.#join(count);
    return this.#list;
  }

  #textOf(name: string): PolicyText {
    const known = this.#byName.get(name);
    if (known) return known;
    const nothing = { name, located: undefined, fault: undefined, marks: [] };
    const fresh = { ...nothing, text: policyText(nothing, []) };
    this.#byName.set(name, fresh);
    return fresh;
  }

  #join(count: number): void {
    this.#shown.length = count;
    this.#list = listOf(this.#shown.map(({ text }) => text));
    if (this.#byName.size === count) return;
    this.#byName.clear();
    for (const policy of this.#shown) this.#byName.set(policy.name, policy);
  }
}

function isSame(one: LocatedPackage | undefined, other: LocatedPackage | undefined): boolean {
  return one === other || (one?.name === other?.name && one?.version === other?.version);
}

function isCurrent(marks: readonly RunMark[], runs: readonly Readonly<Run>[]): boolean {
  if (marks.length !== runs.length) return false;
  for (let index = 0; index < runs.length; index += 1) {
    const [mark, run] = [marks[index], runs[index]];
    if (
      mark?.id !== run?.id ||
      mark?.updatedAt !== run?.updatedAt ||
      mark?.entityCount !== run?.entityCount ||
      mark?.status !== run?.status
    ) {
      return false;
    }
  }
  return true;
}

function markOf({ id, status, entityCount, updatedAt }: Readonly<Run>): RunMark {
  return { id, status, entityCount, updatedAt };
}

function listOf(texts: readonly Buffer[]): readonly Buffer[] {
  const comma = Buffer.from(',');
  const parts = texts.flatMap((text, index) => (index === 0 ? [text] : [comma, text]));
  return [Buffer.from('['), ...parts, Buffer.from(']')];
}

function policyText(
  { name, located, fault }: Pick<PolicyText, 'name' | 'located' | 'fault'>,
  runs: readonly Readonly<Run>[],
): Buffer {
  const backend = located && { package: located.name, version: located.version };
  const status = fault === undefined ? shownPolicyStatus(runs) : 'failed';
  const head = JSON.stringify({ name, status, reason: fault, backend }).slice(0, -1);
  return Buffer.from(`${head},"runs":[${runs.map(runText).join(',')}]}`);
}

function runText(run: Readonly<Run>): string {
  const { backend } = run;
  const metadata = {
    name: backend.name,
    app_name: backend.appName,
    app_version: backend.appVersion,
    policy_name: run.policy.replace(/\r?\n/g, ''),
  };
  const head = { id: run.id, status: shownStatus(run), reason: run.reason, entity_count: run.entityCount };
  const times = `"created_at":${nanoseconds(run.createdAt)},"updated_at":${nanoseconds(run.updatedAt)}`;
  return `${JSON.stringify(head).slice(0, -1)},${times},"metadata":${JSON.stringify(metadata)}}`;
}

/** A bare integer, exact although it passes 2^53. */
function nanoseconds(milliseconds: number): string {
  return (BigInt(milliseconds) * 1_000_000n).toString();
}
