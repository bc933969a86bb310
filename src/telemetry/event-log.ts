import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import type { Events } from '../events.ts';
import type { Run, RunStatus } from '../run/run.ts';
import { Fold } from './fold.ts';

/** A backend may throw a text of any length; the run keeps all of it that history keeps. */
const LONGEST_REASON = 2_000;

interface BadEnding {
  readonly level: 'warn' | 'error';
  /** Stands before the reason. */
  readonly prefix: string;
}

const FAILED: BadEnding = { level: 'error', prefix: '' };
const BAD_ENDINGS: Partial<Record<RunStatus, BadEnding>> = {
  failed: FAILED,
  lost: { level: 'error', prefix: 'Run lost: ' },
  cancelled: { level: 'warn', prefix: 'Run cancelled: ' },
  skipped: { level: 'warn', prefix: 'Run skipped: ' },
};

/**
 * Writes upstream's lines about runs and policies (sheet: Log). Failures that repeat are folded.
 * Returns the function that takes it off the events again and tells what was folded.
 */
export function logEvents(events: Events, log: Logger, clock: Clock): () => void {
  const runner = log.child({ module: 'worker.policy.runner' });
  const manager = log.child({ module: 'worker.policy.manager' });
  const fold = new Fold(clock);
  const sayStopping = ({ policy }: { policy: string }): void =>
    manager.info({ policy }, `Stopping policy '${policy}'`);
  const undo = [
    events.on('policy:replaced', ({ policy }) => manager.info({ policy }, `Replacing policy '${policy}'`)),
    events.on('policy:refused', ({ reason }) => {
      const message = `Refused what was to be applied: ${clip(reason)}`;
      fold.write(manager, 'warn', `refused\n${message}`, message);
    }),
    events.on('policy:deleted', sayStopping),
    events.on('policy:stopped', sayStopping),
    events.on('run:started', ({ run }) => {
      if (runner.isLevelEnabled('debug')) runner.debug(fieldsOf(run), `${subject(run)}: Run started`);
    }),
    events.on('run:finished', ({ run }) => logFinished(run, runner, fold)),
  ];
  return () => {
    for (const off of undo) off();
    fold.stop();
  };
}

function logFinished(run: Readonly<Run>, runner: Logger, fold: Fold): void {
  if (run.status === 'completed') {
    runner.info(fieldsOf(run), `${subject(run)}: Successfully ingested ${run.entityCount} entities`);
    return;
  }
  const { level, prefix } = BAD_ENDINGS[run.status] ?? FAILED;
  const message = `${subject(run)}: ${prefix}${clip(run.reason)}`;
  // The state belongs to the key: a backend may throw the very words of another ending.
  fold.write(runner.child(fieldsOf(run)), level, `${run.status} ${run.policy}\n${message}`, message);
}

function fieldsOf(run: Readonly<Run>): { policy: string; run: string; backend: string } {
  return { policy: run.policy, run: run.id, backend: run.backend.name };
}

function subject(run: Readonly<Run>): string {
  return `Policy ${run.policy}`;
}

function clip(reason: string): string {
  if (reason.length <= LONGEST_REASON) return reason;
  return `${reason.slice(0, LONGEST_REASON)}... (${reason.length - LONGEST_REASON} characters more)`;
}
