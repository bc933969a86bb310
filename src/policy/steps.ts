import type { Slices } from '../run/slices.ts';

/** Work that can be left off wherever it yields; it throws what is wrong as it goes. */
export type Steps<Result> = Generator<undefined, Result, undefined>;

/** Does all of it in one go. */
export function atOnce<Result>(steps: Steps<Result>): Result {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** Does it a slice at a time: what is short is done when this returns its promise. */
export async function inSlices<Result>(steps: Steps<Result>, slices: Slices): Promise<Result> {
  for (;;) {
    const turn = slices.turn();
    if (turn) await turn;
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
