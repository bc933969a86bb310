import { setImmediate as nextTurn } from 'node:timers/promises';
import type { RunLine } from '../run/contract.ts';
import { isFinal, type Run } from '../run/run.ts';
import type { RunArchive } from '../run/run-archive.ts';
import { STOP_REASON } from '../run/stop-reason.ts';
import { keyOfName, type RunRow } from './calls.ts';
import type { StateThread } from './state-thread.ts';

/** Takes about a millisecond. */
const RUNS_A_SLICE = 250;

/** Runs on disk. */
export function keptRuns(thread: StateThread): RunArchive {
  return {
    record: (run) => thread.noteRun(run.id, rowOf(run)),
    addLine: (runId, { at, level, message }) => thread.noteLine([runId, at, level, message]),
    get: async (id) => {
      const body = await thread.call('runs.get', [id]);
      return body === undefined ? undefined : runOf(body);
    },
    log: async (id) => {
      const { lines, dropped } = await thread.call('runs.log', [id]);
      return { lines: lines.map(lineOf), dropped };
    },
    list: ({ policy, status, limit, before }) => {
      const key = policy === undefined ? undefined : keyOfName(policy);
      return runsOf(thread.call('runs.list', [{ policy: key, status, limit, before }]));
    },
    latestOfEach: (count) => runsOf(thread.call('runs.latestOfEach', [count])),
    unfinished: () => runsOf(thread.call('runs.unfinished', [])),
    lastSequence: () => thread.call('runs.lastSequence', []),
  };
}

function rowOf(run: Readonly<Run>): RunRow {
  const finishedAt = isFinal(run.status) ? (run.finishedAt ?? run.updatedAt) : null;
  return [
    run.sequence,
    run.id,
    keyOfName(run.policy),
    run.policyNumber,
    run.trigger,
    run.status,
    run.dueAt,
    run.createdAt,
    finishedAt,
    JSON.stringify(run),
    hasCome(run),
  ];
}

/**
 * Whether its policy has had its run with it: it came to an end by itself or because somebody ended it. A run that somebody
 * asked for, and what its backend begins beside its runs, is none.
 */
function hasCome({ status, retryAt, reason, trigger }: Readonly<Run>): boolean {
  if (trigger === 'ingest' || trigger === 'submit' || retryAt !== undefined || reason === STOP_REASON)
    return false;
  return status === 'completed' || status === 'failed' || status === 'cancelled';
}

/** JSON has no word for what is not there. */
const ABSENT = {
  retryOf: undefined,
  verdict: undefined,
  retryAt: undefined,
  usage: undefined,
  progress: undefined,
  startedAt: undefined,
  finishedAt: undefined,
};

function runOf(body: string): Readonly<Run> {
  const run: Run = { ...ABSENT, ...JSON.parse(body) };
  return run;
}

/** All runs of all policies are read in slices: the event loop does not feel it. */
async function runsOf(bodies: Promise<readonly string[]>): Promise<readonly Readonly<Run>[]> {
  const runs: Readonly<Run>[] = [];
  for (const body of await bodies) {
    runs.push(runOf(body));
    if (runs.length % RUNS_A_SLICE === 0) await nextTurn();
  }
  return runs;
}

const LEVELS: readonly RunLine['level'][] = ['debug', 'info', 'warn', 'error'];

function lineOf({ at, level, message }: { at: number; level: string; message: string }): RunLine {
  return { at, level: LEVELS.find((known) => known === level) ?? 'info', message: JSON.parse(message) };
}
