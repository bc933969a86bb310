// Kills the daemon at random moments and looks whether it keeps its word: npm run torture -- [--rounds N] [--seed N]
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { endTogether } from '../support/end-together.ts';
import { Dice } from './support/dice.ts';
import { travel } from './support/journey.ts';

const LONGEST_JOURNEY = 8;

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '100' }, seed: { type: 'string' } },
});
const rounds = Number(values.rounds);
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds is a whole number above 0');
if (!Number.isInteger(seed)) throw new Error('--seed is a whole number');

endTogether();
console.log(`${rounds} rounds, seed ${seed}`);
const dice = new Dice(seed);
for (let done = 0; done < rounds; ) {
  const journey = {
    // The first one is that of the seed itself, so that one that failed can be made alone.
    seed: done === 0 ? seed : dice.between(0, 2 ** 31),
    rounds: Math.min(done === 0 ? LONGEST_JOURNEY : dice.between(1, LONGEST_JOURNEY), rounds - done),
    directory: mkdtempSync(path.join(tmpdir(), 'orb-worker-torture-')),
  };
  const passed = await travel(journey).catch((error: Error) => {
    console.error(`FAILED: ${error.message}`);
    process.exit(1);
  });
  done += journey.rounds;
  const figures = Object.entries(passed).map(([what, count]) => `${count} ${what}`);
  console.log(
    `${done} rounds done; a journey of ${journey.rounds}, seed ${journey.seed}: ${figures.join(', ')}`,
  );
}
