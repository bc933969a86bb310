import type { Logger } from 'pino';
import { type Clock, every } from '../clock.ts';
import { messageOf } from '../errors.ts';
import { type StateBounds, sharesOf } from './bounds.ts';
import type { Meter } from './calls.ts';
import type { State, StateHealth } from './contract.ts';
import { keptBatches } from './kept-batches.ts';
import { keptPolicies } from './kept-policies.ts';
import { keptRuns } from './kept-runs.ts';
import { StateThread } from './state-thread.ts';

interface OpenOptions {
  readonly directory: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly bounds: StateBounds;
}

const UPKEEP_PERIOD_MS = 10_000;
/** How often a disk that cannot be written is tried again. */
const PROBE_PERIOD_MS = 1_000;

/**
 * Opens the data directory, which is made when there is none, for this daemon alone.
 * Rejects with a `StartError` when it cannot be had: it cannot be written, another daemon has it, or a later version of
 * the program wrote it.
 */
export async function openState({ directory, clock, log, bounds }: OpenOptions): Promise<State> {
  const standing = new Standing(log);
  const thread = await StateThread.start({ directory, bounds }, standing);
  const meter = (): Meter => standing.meter;
  const upkeep = (): Promise<void> => thread.call('upkeep.begin', [clock.now()]).catch(() => {});
  const probe = async (): Promise<void> => {
    if (meter().fault !== '') await thread.call('upkeep.probe', []).catch(() => {});
  };
  void upkeep();
  const stops = [every(clock, UPKEEP_PERIOD_MS, upkeep), every(clock, PROBE_PERIOD_MS, probe)];
  return {
    policies: keptPolicies(thread, standing.onRepaired),
    runs: keptRuns(thread, standing.onUnreadable, standing.onRepaired),
    batches: keptBatches({ thread, clock, counts: meter, onUnreadable: standing.onUnreadable }),
    spoolBytes: sharesOf(bounds.dataMaxBytes).spool,
    health: () => standing.health,
    figures: () => {
      const { fileBytes: bytes, commits, commitMs } = meter();
      return { bytes, commits, commitMs };
    },
    close: () => {
      for (const stop of stops) stop();
      return thread.close();
    },
  };
}

/** What the thread last said of itself; each change is told in the log once. */
class Standing {
  meter: Meter = {
    fault: '',
    warning: '',
    repairs: 0,
    fileBytes: 0,
    waitingBytes: 0,
    letterCount: 0,
    droppedLetters: 0,
    commits: 0,
    commitMs: 0,
  };
  readonly #log: Logger;
  /** Told once each. */
  readonly #unreadable = new Set<string>();
  /** What those do who know more than a repair can find. */
  readonly #writers: (() => Promise<void>)[] = [];
  /** Repairs after which they have done it, or need not. */
  #repairsMadeGood: number | undefined;

  constructor(log: Logger) {
    this.#log = log.child({ module: 'state' });
  }

  get health(): StateHealth {
    const { fault, warning } = this.meter;
    const warnings = [warning, ...this.#unreadable].filter((words) => words !== '');
    const health = { ok: fault === '', reason: fault };
    return warnings.length === 0 ? health : { ...health, warning: warnings.join('; ') };
  }

  onMeter(meter: Meter): void {
    const before = this.meter;
    this.meter = meter;
    this.#repairsMadeGood ??= meter.repairs;
    const dropped = meter.droppedLetters - before.droppedLetters;
    if (dropped > 0) this.#log.warn(`Dead letters that were dropped to make room: ${dropped}`);
    if (meter.warning !== before.warning) this.#log.error(upperFirst(meter.warning));
    if (meter.fault === before.fault) return;
    if (meter.fault !== '') {
      this.#log.error(`State cannot be kept: ${meter.fault}`);
      return;
    }
    this.#log.info('State is kept again');
    if (meter.repairs !== this.#repairsMadeGood) void this.#makeGood(meter.repairs);
  }

  readonly onRepaired = (writeAgain: () => Promise<void>): void => {
    this.#writers.push(writeAgain);
  };

  async #makeGood(repairs: number): Promise<void> {
    try {
      await Promise.all(this.#writers.map((writeAgain) => writeAgain()));
      this.#repairsMadeGood = repairs;
    } catch (error) {
      this.#log.error(`What damage has taken could not be written again: ${messageOf(error)}`);
    }
  }

  onLost(message: string): void {
    this.#log.error(`A part of history was not written: ${message}`);
  }

  /** A row that is kept is not what was written; `what` names the kind, such as `a run`. */
  readonly onUnreadable = (what: string): void => {
    const words = `${what} that is kept cannot be read: orb-worker doctor says more`;
    if (this.#unreadable.has(words)) return;
    this.#unreadable.add(words);
    this.#log.error(upperFirst(words));
  };

  onEnd(reason: string): void {
    this.onMeter({ ...this.meter, fault: reason });
  }
}

function upperFirst(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}
