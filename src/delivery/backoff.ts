const FIRST_DELAY_MS = 500;
export const LONGEST_DELAY_MS = 30_000;

/**
 * How long to wait before a batch is sent again, in milliseconds: anything up to a bound that doubles with each try, so
 * that runs which failed together do not come back together.
 *
 * @param tries how often it was sent.
 * @param random from 0 to 1.
 */
export function backoffMs(tries: number, random: number): number {
  return random * Math.min(FIRST_DELAY_MS * 2 ** (tries - 1), LONGEST_DELAY_MS);
}
