/** Something that takes bytes from outside, with what it promises of any of them. */
export interface FuzzTarget {
  /** Its folder in the corpus. */
  readonly name: string;
  /** Pieces of its language, put together and into other inputs. */
  readonly words: readonly string[];
  /** Inputs that are tried at the same time; 1 if left out. */
  readonly lanes?: number;
  /** How long one input may take, waiting included, in ms. */
  readonly limitMs: number;
  open(): Promise<Trial>;
}

export interface Trial extends AsyncDisposable {
  /** Inputs to start from, besides those of the corpus. */
  readonly seeds?: readonly Buffer[];
  /** Throws, or rejects with, what is wrong when a promise is broken. */
  try(input: Buffer): void | Promise<void>;
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
