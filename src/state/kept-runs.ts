import { setImmediate as nextTurn } from 'node:timers/promises';
import type { RunLine } from '../run/contract.ts';
import { hasCome } from '../run/has-come.ts';
import { isFinal, type Run } from '../run/run.ts';
import type { RunArchive } from '../run/run-archive.ts';
import { keyOfName, type RunRow } from './calls.ts';
import type { StateThread } from './state-thread.ts';
import { readRun, readText } from './stored.ts';

/** Takes about a millisecond. */
const RUNS_A_SLICE = 250;

/**
 * Runs on disk.
 * @param onUnreadable is told that a run is not what was written: it is left out.
 */
export function keptRuns(
  thread: StateThread,
  onUnreadable: (what: string) => void,
  onRepaired: RunArchive['onRepaired'],
): RunArchive {
  const runsOf = async (bodies: Promise<readonly string[]>): Promise<readonly Run[]> => {
    const found = await readSlices(bodies);
    const runs = found.filter((run) => run !== undefined);
    if (runs.length < found.length) onUnreadable('a run');
    return runs;
  };
  return {
    record: (run) => thread.noteRun(run.id, rowOf(run)),
    keep: (run) => thread.call('runs.keep', [rowOf(run)]),
    onRepaired,
    addLine: (runId, { at, level, message }) => thread.noteLine([runId, at, level, message]),
    get: async (id) => {
      const body = await thread.call('runs.get', [id]);
      return (await runsOf(Promise.resolve(body === undefined ? [] : [body])))[0];
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

/** All runs of all policies are read in slices: the event loop does not feel it. */
async function readSlices(bodies: Promise<readonly string[]>): Promise<readonly (Run | undefined)[]> {
  const runs: (Run | undefined)[] = [];
  for (const body of await bodies) {
    runs.push(readRun(body));
    if (runs.length % RUNS_A_SLICE === 0) await nextTurn();
  }
  return runs;
}

const UNREADABLE = '(this line cannot be read: the data file is damaged)';
const LEVELS: readonly RunLine['level'][] = ['debug', 'info', 'warn', 'error'];

function lineOf({ at, level, message }: { at: number; level: string; message: string }): RunLine {
  return {
    at,
    level: LEVELS.find((known) => known === level) ?? 'info',
    message: readText(message) ?? UNREADABLE,
  };
}
