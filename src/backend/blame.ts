import type { RunExecution } from './execution.ts';
import { IngestExecution } from './ingest-execution.ts';
import type { PolicyLife } from './policy-life.ts';

/** Whose fault the end of a child is: a run's or a life's, nobody knows whose, or that of none of them. */
export type Culprit = RunExecution | PolicyLife | 'unknown' | 'outsider';

const BY_ANOTHER = 'its process ended because of another run';

/** What a child had when it ended, and why it did. */
export interface Death {
  readonly runs: readonly RunExecution[];
  readonly lives: readonly PolicyLife[];
  readonly culprit: Culprit;
  /** How the process ended. */
  readonly how: string;
  /** Why the daemon ended it, if it did. */
  readonly killedFor: string | undefined;
}

/** Gives each run and life of a child that is gone its outcome. */
export function settleAfterDeath({ runs, lives, culprit, how, killedFor }: Death): void {
  const guilty = culprit === 'unknown' ? onlySuspect(runs, lives) : culprit;
  const reason = killedFor ?? how;
  // What another run threw may hold what only its own policy may show: the others are not told.
  const ofAnother = killedFor === undefined ? `${BY_ANOTHER}: ${how}` : BY_ANOTHER;
  const reasonFor = (one: RunExecution | PolicyLife): string =>
    one !== guilty && typeof guilty === 'object' ? ofAnother : reason;
  for (const run of runs) {
    if (run.isCancelled) run.settle({ kind: 'cancelled', cutOff: true });
    else run.settle({ kind: 'crashed', reason: reasonFor(run), innocent: run !== guilty });
  }
  for (const life of lives) {
    if (life.isEnding) life.settle({ kind: 'ended' });
    else life.settle({ kind: 'failed', reason: reasonFor(life), guilty: life === guilty });
  }
}

/** Without better knowledge, the only one whose code was under way. */
function onlySuspect(
  runs: readonly RunExecution[],
  lives: readonly PolicyLife[],
): RunExecution | PolicyLife | undefined {
  const entered = runs.filter((run) => run.hasEntered && !(run instanceof IngestExecution));
  const suspects = [...entered, ...lives];
  return suspects.length === 1 ? suspects[0] : undefined;
}
