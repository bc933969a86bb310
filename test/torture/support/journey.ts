import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { descendantsOf, isAlive, program, RealDaemon } from '../../support/real-daemon.ts';
import { Dice } from './dice.ts';
import { Driver } from './driver.ts';
import { findingsIn } from './findings.ts';
import { type Journal, readJournal } from './journal.ts';
import { get, readOutcome, type ShownRun, whatIsLeft } from './outcome.ts';
import { MANNERS, MOODS, RecordingDiode } from './recording-diode.ts';

export interface Journey {
  readonly seed: number;
  /** Lives of the daemon before the last one, in which all that is owed is to be done. */
  readonly rounds: number;
  /** Becomes its folder. */
  readonly directory: string;
}

export interface Passed {
  readonly policies: number;
  readonly runs: number;
  readonly requests: number;
  readonly repeats: number;
  readonly letters: number;
  readonly kills: number;
}

/** Something was not as it was promised. */
export class TortureError extends Error {
  override readonly name = 'TortureError';
}

const backends = fileURLToPath(new URL('../backends', import.meta.url));
const LANES = 3;
const LONGEST_ROUND_MS = 1_500;
const LONGEST_MOOD_MS = 500;
const LONGEST_START_MS = 600;
const LONGEST_DYING_MS = 500;
/** By then processes whose daemon was killed are gone, and all that is owed is done. */
const CHILDREN_PATIENCE_MS = 10_000;
const END_PATIENCE_MS = 60_000;
const LOOK_AGAIN_MS = 100;
const SUSPICIOUS = /listener of \S+ failed|did not stop as it should|could not be kept|TypeError|unhandled/i;

/**
 * Takes a daemon through rounds that end by a kill. Rejects with a `TortureError` when a promise was broken, and leaves
 * the directory for who looks into it; otherwise it is gone.
 */
export async function travel(journey: Journey): Promise<Passed> {
  const { seed, rounds, directory } = journey;
  let where = '';
  try {
    mkdirSync(directory, { recursive: true });
    await using diode = await RecordingDiode.start();
    const traveller = new Traveller(journey, diode, new Dice(seed));
    for (let round = 1; round <= rounds; round++) {
      where = `round ${round}`;
      await traveller.round();
    }
    where = 'the end';
    const passed = await traveller.end();
    rmSync(directory, { recursive: true });
    return passed;
  } catch (error) {
    const what = `seed ${seed}, ${rounds} rounds, ${where}, directory ${directory}`;
    throw new TortureError(`${what}: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
}

class Traveller {
  readonly #diode: RecordingDiode;
  readonly #dice: Dice;
  readonly #driver: Driver;
  readonly #journal: string;
  readonly #flags: readonly string[];
  readonly #ends: number[] = [];

  constructor({ directory }: Journey, diode: RecordingDiode, dice: Dice) {
    this.#diode = diode;
    this.#dice = dice;
    this.#journal = path.join(directory, 'journal');
    this.#driver = new Driver(this.#journal);
    this.#flags = [
      ...['--data-dir', path.join(directory, 'data'), '--backends-dir', backends],
      ...['--diode-target', diode.target, '--diode-client-id', 'me', '--diode-client-secret', 'secret'],
      ...['--history-runs', '1000000'],
    ];
  }

  async round(): Promise<void> {
    const dice = this.#dice;
    while (dice.chance(0.15)) await this.#dieAtStart();
    await using daemon = await RealDaemon.start(this.#flags);
    await this.#checkPolicies(daemon);
    const over = new AbortController();
    const { signal } = over;
    const lanes = [
      ...Array.from({ length: LANES }, () => this.#driver.play(daemon, dice.fork(), signal)),
      this.#driver.watch(daemon, dice.fork(), signal),
      this.#changeMoods(dice.fork(), signal),
      ...(dice.chance(0.25) ? [freeze(daemon, dice.fork(), signal)] : []),
    ];
    const played = Promise.all(lanes);
    played.catch(() => undefined);
    await pause(dice.between(0, LONGEST_ROUND_MS));
    const children = descendantsOf(daemon.process.pid ?? 0);
    if (dice.chance(0.25)) await this.#stop(daemon);
    else await daemon.stop('SIGKILL');
    this.#ends.push(performance.now());
    over.abort();
    await played;
    refuseSuspicious(daemon);
    await gone(children);
  }

  /** Everything that is owed is done, and nothing else was. */
  async end(): Promise<Passed> {
    await this.#diode.become('well');
    await using daemon = await RealDaemon.start(this.#flags);
    await this.#checkPolicies(daemon);
    await until('each policy that is owed one run', async () => this.#owedRuns(daemon));
    for (const { name } of this.#driver.policies.certain) {
      await daemon.delete(name);
      this.#driver.policies.settle(name, undefined);
    }
    await until('the end of what is under way', () => whatIsLeft(daemon));
    await this.#checkPolicies(daemon);
    const outcome = await readOutcome(daemon);
    const children = descendantsOf(daemon.process.pid ?? 0);
    const status = await daemon.stop();
    if (status !== 0) throw new Error(`the daemon ended with ${status}`);
    refuseSuspicious(daemon);
    await gone(children);
    const journal = this.#readJournal();
    const findings = findingsIn({
      diode: this.#diode,
      driver: this.#driver,
      journal,
      outcome,
      ends: this.#ends,
    });
    if (findings.length > 0) throw new Error(listed(findings));
    const requests = [...this.#diode.requests.values()];
    return {
      policies: this.#driver.plans.size,
      runs: outcome.runs.size,
      requests: requests.length,
      repeats: requests.filter(({ times }) => times > 1).length,
      letters: outcome.letters.length,
      kills: this.#ends.length,
    };
  }

  /** A daemon that is killed before it listens, or just after. */
  async #dieAtStart(): Promise<void> {
    const child: ChildProcess = spawn(process.execPath, [program, '--port', '0', ...this.#flags], {
      env: { PATH: process.env.PATH, HOME: process.env.HOME },
      stdio: 'ignore',
    });
    const exited = once(child, 'exit');
    await pause(this.#dice.between(0, LONGEST_START_MS));
    child.kill('SIGKILL');
    await exited;
    this.#ends.push(performance.now());
  }

  /** Asked to end, which may be cut short. */
  async #stop(daemon: RealDaemon): Promise<void> {
    const isCutShort = this.#dice.chance(0.5);
    const afterMs = this.#dice.between(0, LONGEST_DYING_MS);
    const timer = isCutShort ? setTimeout(() => daemon.process.kill('SIGKILL'), afterMs) : undefined;
    const status = await daemon.stop('SIGTERM');
    clearTimeout(timer);
    if (status !== 0 && !(isCutShort && status === 'SIGKILL'))
      throw new Error(`the daemon ended with ${status}`);
  }

  async #changeMoods(dice: Dice, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#diode.manner = dice.pick(MANNERS);
      this.#diode.slownessMs = dice.between(10, LONGEST_MOOD_MS);
      await this.#diode.become(dice.chance(0.5) ? 'well' : dice.pick(MOODS));
      await pause(dice.between(0, LONGEST_MOOD_MS));
    }
  }

  /** Acknowledged policies are there from the moment it listens, deleted ones are not. */
  async #checkPolicies(daemon: RealDaemon): Promise<void> {
    const { policies: ledger } = this.#driver;
    const { policies } = await get<{ policies: { name: string }[] }>(daemon, '/api/v1/policies');
    const names = new Set(policies.map(({ name }) => name));
    const findings: string[] = [];
    for (const name of names) {
      if (!ledger.names.includes(name)) findings.push(`policy ${name} was never applied`);
    }
    for (const name of ledger.names) {
      const version = names.has(name) ? await versionOf(daemon, name) : undefined;
      const possible = ledger.possible(name);
      if (!possible.has(version)) {
        findings.push(`policy ${name} has version ${version}, and not ${[...possible].join(' or ')}`);
      }
      ledger.settle(name, version);
    }
    if (findings.length > 0) throw new Error(listed(findings));
  }

  async #owedRuns(daemon: RealDaemon): Promise<readonly string[]> {
    const { versions } = this.#readJournal();
    const owed = this.#driver.policies.certain.filter(
      ({ version }) => this.#driver.plans.get(version)?.isOnce,
    );
    const missing: string[] = [];
    for (const { name, version } of owed) {
      const { runs } = await get<{ runs: readonly ShownRun[] }>(
        daemon,
        `/api/v1/runs?policy=${name}&limit=1000`,
      );
      const hasRun = runs.some(({ id, status }) => versions.get(id) === version && hasEnded(status));
      const wasCancelled = runs.some(({ id }) => this.#driver.cancelled.has(id));
      if (!hasRun && !wasCancelled)
        missing.push(`${name}: ${runs.map(({ status, reason }) => `${status} ${reason}`).join(', ')}`);
    }
    return missing;
  }

  #readJournal(): Journal {
    return readJournal(this.#journal);
  }
}

/** Now and then it stands still as a whole, and goes on. */
async function freeze({ process: daemon }: RealDaemon, dice: Dice, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await pause(dice.between(0, LONGEST_ROUND_MS));
    if (signal.aborted) return;
    daemon.kill('SIGSTOP');
    await pause(dice.between(0, LONGEST_MOOD_MS));
    daemon.kill('SIGCONT');
  }
}

function hasEnded(status: string): boolean {
  return ['completed', 'failed', 'cancelled'].includes(status);
}

async function versionOf(daemon: RealDaemon, name: string): Promise<number> {
  const { scope } = await get<{ scope: { version: number } }>(daemon, `/api/v1/policies/${name}`);
  return scope.version;
}

function refuseSuspicious({ lines }: RealDaemon): void {
  const suspicious = lines.filter((line) => SUSPICIOUS.test(line));
  if (suspicious.length > 0) throw new Error(listed(suspicious));
}

async function gone(pids: readonly number[]): Promise<void> {
  const left = (): string[] => pids.filter(isAlive).map((pid) => `process ${pid} is left`);
  await until('the end of the processes of a daemon that is gone', async () => left(), CHILDREN_PATIENCE_MS);
}

/** Resolves when there is nothing that `missing` resolves with; rejects with that after a while. */
async function until(
  what: string,
  missing: () => Promise<readonly string[]>,
  patienceMs = END_PATIENCE_MS,
): Promise<void> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const left = await missing();
    if (left.length === 0) return;
    if (performance.now() > deadline) throw new Error(`${what} did not come: ${listed(left)}`);
    await pause(LOOK_AGAIN_MS);
  }
}

const MOST_LISTED = 20;

function listed(findings: readonly string[]): string {
  const more = findings.length > MOST_LISTED ? [`and ${findings.length - MOST_LISTED} more`] : [];
  return ['', ...findings.slice(0, MOST_LISTED), ...more].join('\n  ');
}
