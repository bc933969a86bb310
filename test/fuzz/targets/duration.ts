import { parseDuration } from '../../../src/policy/duration.ts';
import { type FuzzTarget, pureTrial, refusalOf } from '../support/target.ts';

/** A duration, as a text and as the number that it may be. */
export const target: FuzzTarget = {
  name: 'duration',
  limitMs: 500,
  words: [
    '1',
    '0',
    '90s',
    '5m',
    '1h30m',
    '500ms',
    '2d',
    '.',
    '-',
    '+',
    'e9',
    ' ',
    '999999999999',
    'NaN',
    'Infinity',
  ],
  open: async () => pureTrial(tryDuration),
};

function tryDuration(input: Buffer): void {
  const text = input.toString();
  for (const written of [text, Number(text)]) {
    refusalOf(() => {
      const ms = parseDuration(written);
      if (!Number.isSafeInteger(ms) || ms < 0) throw new Error(`${ms} is no duration`);
    }, RangeError);
  }
}
