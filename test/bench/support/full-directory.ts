// Fills a data directory: node full-directory.ts DIRECTORY POLICIES RUNS
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { pino } from 'pino';
import { systemClock } from '../../../src/clock.ts';
import { openState } from '../../../src/state/open-state.ts';
import { policyOf } from '../../state/objects.ts';
import { runOf } from '../../support/runs.ts';

const SAVED_AT_ONCE = 500;
/** What is noted and not written yet is in memory. */
const NOTED_AT_ONCE = 5_000;

/**
 * Fills a data directory with policies of the backend `idle` that are due once a year, and completed runs of them, in a
 * process of its own: a directory belongs to one process as long as that lives.
 */
export async function fillDirectory(directory: string, policies: number, runs: number): Promise<void> {
  const [status] = await once(fork(import.meta.filename, [directory, `${policies}`, `${runs}`]), 'exit');
  if (status !== 0) throw new Error(`the directory was not filled: status ${status}`);
}

async function fill(directory: string, policies: number, runs: number): Promise<void> {
  const bounds = { historyRuns: runs, historyAgeMs: 1e12, dataMaxBytes: 4e9 };
  const state = await openState({ directory, clock: systemClock, log: pino({ level: 'silent' }), bounds });
  const appliedAt = systemClock.now();
  const all = Array.from({ length: policies }, (_, index) =>
    policyOf(index + 1, { document: documentOf(index), appliedAt }),
  );
  for (let first = 0; first < policies; first += SAVED_AT_ONCE) {
    await state.policies.save(all.slice(first, first + SAVED_AT_ONCE));
  }
  for (let sequence = 1; sequence <= runs; sequence++) {
    const number = (sequence % policies) + 1;
    const times = { dueAt: appliedAt, createdAt: appliedAt, updatedAt: appliedAt };
    state.runs.record(
      runOf(sequence, {
        ...times,
        startedAt: appliedAt,
        finishedAt: appliedAt,
        policy: `p${number}`,
        policyNumber: number,
        status: 'completed',
      }),
    );
    if (sequence % NOTED_AT_ONCE === 0) await state.runs.lastSequence();
  }
  await state.close();
}

function documentOf(index: number): string {
  const schedule = `${index % 60} ${index % 24} 1 1 *`;
  return JSON.stringify({
    config: { package: 'idle', schedule, site: `site-${index % 40}` },
    scope: null,
    run: null,
  });
}

if (process.argv[1] === import.meta.filename) {
  const [directory = '', policies, runs] = process.argv.slice(2);
  await fill(directory, Number(policies), Number(runs));
}
