import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { travel } from './support/journey.ts';

/* The same with other seeds, and for longer: npm run torture. */

const ROUNDS = 9;
/** On a machine with much else to do; a third of it elsewhere. */
const LONGEST_MS = 240_000;

test.concurrent.each([1, 2, 3])(
  'a daemon that is killed again and again keeps its word (seed %i)',
  async (seed) => {
    const directory = mkdtempSync(path.join(tmpdir(), 'orb-worker-torture-'));
    const passed = await travel({ seed, rounds: ROUNDS, directory });
    expect(passed.kills).toBeGreaterThanOrEqual(ROUNDS);
    expect(passed.runs).toBeGreaterThan(0);
    expect(passed.requests).toBeGreaterThan(0);
  },
  LONGEST_MS,
);
