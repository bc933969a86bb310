/** Something that takes bytes from outside, with what it promises of any of them. */
export interface FuzzTarget {
  /** Its folder in the corpus. */
  readonly name: string;
  /** Pieces of its language, put together and into other inputs. */
  readonly words: readonly string[];
  /** Inputs that are tried at the same time; 1 if left out. */
  readonly lanes?: number;
  /** How long one input may take, in ms: of the processor, so that a busy machine is no finding, or of the clock. */
  readonly limitMs: number;
  /** It waits for other processes. */
  readonly waits?: true;
  open(): Promise<Trial>;
}

export interface Trial extends AsyncDisposable {
  /** Inputs to start from, besides those of the corpus. */
  readonly seeds?: readonly Buffer[];
  /** Throws, or rejects with, what is wrong when a promise is broken. */
  try(input: Buffer): void | Promise<void>;
}

/** Tries an input and returns how long it took, in ms; rejects when it took too long. */
export async function timed({ limitMs, waits }: FuzzTarget, trial: Trial, input: Buffer): Promise<number> {
  const cpuBefore = process.cpuUsage();
  const startedAt = performance.now();
  await trial.try(input);
  const { user, system } = process.cpuUsage(cpuBefore);
  const tookMs = waits ? performance.now() - startedAt : (user + system) / 1_000;
  if (tookMs > limitMs) throw new Error(`it took ${tookMs.toFixed(0)} ms`);
  return tookMs;
}

/** A trial that holds nothing open. */
export function pureTrial(attempt: Trial['try'], seeds: readonly Buffer[] = []): Trial {
  return { seeds, try: attempt, async [Symbol.asyncDispose]() {} };
}

/** What an input was refused with, undefined where it was taken; any other error is a finding. */
export function refusalOf<Refusal extends Error>(
  attempt: () => void,
  Expected: abstract new (...parameters: never[]) => Refusal,
): Refusal | undefined {
  try {
    attempt();
    return undefined;
  } catch (error) {
    if (error instanceof Expected) return error;
    throw error;
  }
}
