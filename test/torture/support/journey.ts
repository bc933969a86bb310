import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { descendantsOf, RealDaemon, runProgram } from '../../support/real-daemon.ts';
import { Dice } from './dice.ts';
import { Driver } from './driver.ts';
import { findingsIn } from './findings.ts';
import { changeMoods, dieAtStart, freeze, hurt, isCrowded, SMALL_FLAGS, stop } from './hardships.ts';
import { type Journal, readJournal } from './journal.ts';
import { get, readOutcome, type ShownRun, whatIsLeft } from './outcome.ts';
import type { Plan } from './plans.ts';
import { RecordingDiode } from './recording-diode.ts';
import { gone, listed, until } from './waiting.ts';

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
  /** Rounds in which backends were held back, because there was no room for more. */
  readonly crowds: number;
}

/** Something was not as it was promised. */
export class TortureError extends Error {
  override readonly name = 'TortureError';
}

const backends = fileURLToPath(new URL('../backends', import.meta.url));
const LANES = 3;
const LONGEST_ROUND_MS = 2_500;
const SHORT_ROUND_MS = 300;
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
  readonly #data: string;
  readonly #flags: readonly string[];
  #kills = 0;
  #crowds = 0;
  #hasRun = false;

  constructor({ directory }: Journey, diode: RecordingDiode, dice: Dice) {
    this.#diode = diode;
    this.#dice = dice;
    this.#journal = path.join(directory, 'journal');
    this.#data = path.join(directory, 'data');
    this.#driver = new Driver(this.#journal);
    this.#flags = [
      ...['--data-dir', this.#data, '--backends-dir', backends],
      ...['--diode-target', diode.target, '--diode-client-id', 'me', '--diode-client-secret', 'secret'],
      ...['--history-runs', '1000000'],
    ];
  }

  async round(): Promise<void> {
    const dice = this.#dice;
    while (dice.chance(0.15)) {
      await dieAtStart(this.#flags, dice);
      this.#kills++;
    }
    // Only before there is history: that would give way, and is looked at in the end.
    const isSmall = this.#driver.plans.size === 0 && dice.chance(0.3);
    await using daemon = await RealDaemon.start([...this.#flags, ...(isSmall ? SMALL_FLAGS : [])]);
    await this.#checkPolicies(daemon);
    const over = new AbortController();
    const { signal } = over;
    const lanes = [
      ...Array.from({ length: LANES }, () => this.#driver.play(daemon, dice.fork(), signal)),
      this.#driver.watch(daemon, dice.fork(), signal),
      isSmall ? this.#crowd(daemon) : changeMoods(this.#diode, dice.fork(), signal),
      ...(dice.chance(0.25) ? [freeze(daemon, dice.fork(), signal)] : []),
      // What is killed again and again fills nothing.
      ...(!isSmall && dice.chance(0.25) ? [hurt(daemon, dice.fork(), signal)] : []),
    ];
    const played = Promise.all(lanes);
    played.catch(() => undefined);
    if (isSmall && (await isCrowded(daemon))) this.#crowds++;
    await pause(dice.between(0, dice.chance(0.25) ? SHORT_ROUND_MS : LONGEST_ROUND_MS));
    if (!isSmall && !this.#hasRun) await this.#firstRun(daemon);
    const children = descendantsOf(daemon.process.pid ?? 0);
    if (dice.chance(0.25)) await stop(daemon, dice);
    else await daemon.stop('SIGKILL');
    this.#kills++;
    over.abort();
    await played;
    refuseSuspicious(daemon);
    await gone(children);
    if (dice.chance(0.2)) await this.#examine();
  }

  /** However slow the machine is, not every daemon is killed before it has begun a run: nothing would be found out. */
  async #firstRun(daemon: RealDaemon): Promise<void> {
    await until('a first run', async () => {
      const { runs } = await get<{ runs: readonly ShownRun[] }>(daemon, '/api/v1/runs?limit=1');
      return runs.length > 0 ? [] : ['there is none yet'];
    });
    this.#hasRun = true;
  }

  /** Diode is away until there is no room for more. */
  async #crowd(daemon: RealDaemon): Promise<void> {
    await this.#diode.become('unavailable');
    await this.#driver.crowd(daemon);
  }

  /** Everything that is owed is done, and nothing else was. */
  async end(): Promise<Passed> {
    await this.#diode.become('well');
    await using daemon = await RealDaemon.start(this.#flags);
    await this.#checkPolicies(daemon);
    // However slow the machine is, what is left is done some time only if no more comes.
    await this.#deletePolicies(daemon, (plan) => plan?.isOnce !== true);
    await until('each policy that is owed one run', async () => this.#owedRuns(daemon));
    await this.#deletePolicies(daemon, () => true);
    await until('the end of what is under way', () => whatIsLeft(daemon));
    await this.#checkPolicies(daemon);
    const outcome = await readOutcome(daemon);
    const children = descendantsOf(daemon.process.pid ?? 0);
    const status = await daemon.stop();
    if (status !== 0) throw new Error(`the daemon ended with ${status}`);
    refuseSuspicious(daemon);
    await gone(children);
    await this.#examine();
    const journal = this.#readJournal();
    const findings = findingsIn({
      diode: this.#diode,
      driver: this.#driver,
      journal,
      outcome,
    });
    if (findings.length > 0) throw new Error(listed(findings));
    const requests = [...this.#diode.requests.values()];
    return {
      policies: this.#driver.plans.size,
      runs: outcome.runs.size,
      requests: requests.length,
      repeats: requests.filter(({ times }) => times > 1).length,
      letters: outcome.letters.length,
      kills: this.#kills,
      crowds: this.#crowds,
    };
  }

  /** Whatever has happened, the directory is sound. */
  async #examine(): Promise<void> {
    const { status, stdout, stderr } = await runProgram(['doctor', '--data-dir', this.#data]);
    if (status !== 0) throw new Error(`the doctor has found something: ${stdout}${stderr}`);
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

  async #deletePolicies(daemon: RealDaemon, which: (plan: Plan | undefined) => boolean): Promise<void> {
    const { policies, plans } = this.#driver;
    for (const { name, version } of policies.certain) {
      if (!which(plans.get(version))) continue;
      await daemon.delete(name);
      policies.settle(name, undefined);
    }
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
