// One life of a daemon's state, for tests that end it: `node life.ts DIRECTORY WORK`.
import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { systemClock } from '../../src/clock.ts';
import { messageOf } from '../../src/errors.ts';
import type { State } from '../../src/state/contract.ts';
import { openState } from '../../src/state/open-state.ts';
import { runOf } from '../support/runs.ts';
import { batchOf, policyOf, receiptOf } from './objects.ts';

const [directory = '', work = ''] = process.argv.slice(2);
const say = (text: string): boolean => process.stdout.write(`${text}\n`);

/** Keeps batches and policies, some at once, and says what was acknowledged. */
async function keepForEver(state: State): Promise<void> {
  const from = await state.runs.lastSequence();
  const lane = async (lane: number): Promise<void> => {
    for (let turn = 1; ; turn++) {
      const run = runOf(from + turn * 10 + lane, {
        id: randomUUID(),
        status: 'running',
        policy: `lane${lane}`,
      });
      state.runs.record(run);
      const batch = batchOf(Buffer.alloc(turn % 7 === 0 ? 300_000 : 100, lane), run.id);
      await state.batches.keep(batch, receiptOf(batch), 'diode', run.policy);
      say(`kept ${batch.id} ${run.id}`);
      if (turn % 3 === 0) {
        const name = randomUUID();
        await state.policies.save([policyOf(run.sequence, { name })]);
        say(`saved ${name}`);
      }
      if (turn % 5 === 0) {
        await state.batches.settle({
          receipts: [receiptOf(batch, { outcome: 'acknowledged' })],
          parts: [],
          letters: [],
          droppedLetters: [],
        });
        say(`settled ${batch.id}`);
      }
    }
  };
  await Promise.all([0, 1, 2, 3].map(lane));
}

try {
  const bounds = { historyRuns: 100_000, historyAgeMs: 1e12, dataMaxBytes: 1e9 };
  const state = await openState({ directory, clock: systemClock, log: pino({ level: 'silent' }), bounds });
  say('open');
  if (work === 'keep') await keepForEver(state);
  if (work === 'hold') await new Promise((resolve) => process.stdin.once('end', resolve).resume());
  await state.close();
  say('closed');
} catch (error) {
  say(`refused: ${messageOf(error)}`);
}
