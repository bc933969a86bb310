import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { readCorpus } from './corpus.ts';
import { inputsFrom, shrink } from './inputs.ts';
import { type FuzzTarget, type Trial, timed } from './target.ts';

export interface FuzzResult {
  readonly inputs: number;
  /** Of one input. */
  readonly longestMs: number;
  /** Of the heap, from the first third of the time to its end. */
  readonly grownMiB: number;
  readonly finding: Finding | undefined;
}

export interface Finding {
  readonly input: Uint8Array;
  readonly reason: string;
}

const MiB = 2 ** 20;
/** What the heap may vary by; what leaks with each of many thousand inputs is more. */
const MOST_GROWTH_MIB = 24;
const SHRINK_MS = 5_000;
/** Inputs after which timers and messages get their turn. */
const INPUTS_A_TURN = 64;

interface Effort {
  readonly timeMs: number;
  readonly seed: number | undefined;
}

/** Tries inputs for `timeMs`, or until one breaks a promise. */
export async function runTarget(
  target: FuzzTarget,
  effort: Effort,
  onInput: (input: Buffer) => void,
): Promise<FuzzResult> {
  const trial = await target.open();
  try {
    return await new Fuzzing(target, trial, effort, onInput).run();
  } finally {
    await trial[Symbol.asyncDispose]();
  }
}

class Fuzzing {
  readonly #target: FuzzTarget;
  readonly #trial: Trial;
  readonly #effort: Effort;
  readonly #onInput: (input: Buffer) => void;
  #searches = 0;
  #inputs = 0;
  #longestMs = 0;
  #failed: Buffer | undefined;

  constructor(target: FuzzTarget, trial: Trial, effort: Effort, onInput: (input: Buffer) => void) {
    this.#target = target;
    this.#trial = trial;
    this.#effort = effort;
    this.#onInput = onInput;
  }

  async run(): Promise<FuzzResult> {
    const { timeMs } = this.#effort;
    const warm = await this.#search(timeMs / 3);
    const heapBefore = heapMiB();
    const finding = warm ?? (await this.#search((timeMs * 2) / 3));
    const grownMiB = heapMiB() - heapBefore;
    const grown: Finding | undefined =
      grownMiB > MOST_GROWTH_MIB
        ? { input: Buffer.alloc(0), reason: `the heap grew by ${grownMiB.toFixed(0)} MiB` }
        : undefined;
    return { inputs: this.#inputs, longestMs: this.#longestMs, grownMiB, finding: finding ?? grown };
  }

  async #search(timeMs: number): Promise<Finding | undefined> {
    const lanes = Array.from({ length: this.#target.lanes ?? 1 }, () => this.#searchLane(timeMs));
    const details = await Promise.all(lanes);
    const failure = details.find((one) => one.failed && one.counterexample !== null);
    const input = failure?.counterexample?.[0] ?? this.#failed;
    if (input === undefined) return undefined;
    const smallest = await shrink(
      input,
      async (shorter) => (await this.#reason(shorter)) !== undefined,
      SHRINK_MS,
    );
    const reason =
      (await this.#reason(smallest)) ?? String(failure?.errorInstance ?? 'it failed once, not again');
    return { input: smallest, reason };
  }

  #searchLane(timeMs: number): Promise<fc.RunDetails<[Buffer]>> {
    const seeds = [...readCorpus(this.#target.name).map(({ bytes }) => bytes), ...(this.#trial.seeds ?? [])];
    const property = fc.asyncProperty(inputsFrom(seeds, this.#target.words), (input) => this.#tryOnce(input));
    const { seed } = this.#effort;
    const order = seed === undefined ? {} : { seed: seed + this.#searches++ };
    const bounds = { numRuns: Number.MAX_SAFE_INTEGER, interruptAfterTimeLimit: timeMs };
    return Promise.resolve(fc.check(property, { ...order, ...bounds }));
  }

  async #tryOnce(input: Buffer): Promise<void> {
    this.#inputs += 1;
    if (this.#inputs % INPUTS_A_TURN === 0) await nextTurn();
    this.#onInput(input);
    try {
      const tookMs = await timed(this.#target, this.#trial, input);
      this.#longestMs = Math.max(this.#longestMs, tookMs);
    } catch (error) {
      this.#failed ??= input;
      throw error;
    }
  }

  async #reason(input: Buffer): Promise<string | undefined> {
    try {
      await this.#tryOnce(input);
      return undefined;
    } catch (error) {
      return error instanceof Error ? (error.stack ?? error.message) : String(error);
    }
  }
}

/** After everything that nobody holds is gone. */
function heapMiB(): number {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  if (typeof collect === 'function') collect();
  return process.memoryUsage().heapUsed / MiB;
}
