import type { Clock } from '../clock.ts';
import type { Trigger } from './contract.ts';
import type { CronSchedule } from './cron.ts';
import { latestMoment } from './latest-moment.ts';
import type { Appointment, Entry, Schedule } from './schedule.ts';

/** A clock that is set back further than this was wrong before: its moments are not waited for a second time. */
export const LARGEST_STEP_BACK_MS = 3 * 3_600_000;

/** A moment that is noticed this much later was missed: the machine slept, or its clock was set. */
export const MISSED_AFTER_MS = 60_000;

/**
 * Fires at each moment of a cron expression. When the clock is set forward over several moments it fires once; when
 * it is set back a little, no moment fires twice.
 */
export class CronTrigger implements Trigger, Appointment {
  readonly #schedule: Schedule;
  readonly #clock: Clock;
  readonly #cron: CronSchedule;
  #fire: ((dueAt: number) => void) | undefined;
  #entry: Entry | undefined;

  constructor(schedule: Schedule, clock: Clock, cron: CronSchedule) {
    this.#schedule = schedule;
    this.#clock = clock;
    this.#cron = cron;
  }

  start(fire: (dueAt: number) => void): void {
    const first = this.nextAfter(this.#clock.now());
    if (first === undefined) return;
    this.#fire = fire;
    this.#entry = this.#schedule.add(this, first);
  }

  stop(): void {
    if (this.#entry) this.#schedule.remove(this.#entry);
    this.#entry = undefined;
  }

  next(): number | undefined {
    return this.#entry?.dueAt;
  }

  /** The latest moment (epoch ms) after `epochMs` that has come; undefined: there was none. */
  latestSince(epochMs: number): number | undefined {
    return latestMoment(this.#cron, epochMs, this.#clock.now());
  }

  /** Of moments that were missed, the latest counts. */
  fire(dueAt: number): void {
    const isMissed = this.#clock.now() - dueAt > MISSED_AFTER_MS;
    this.#fire?.((isMissed ? this.latestSince(dueAt) : undefined) ?? dueAt);
  }

  nextAfter(epochMs: number): number | undefined {
    return this.#cron.nextAfter(epochMs);
  }

  dueAfterJump(dueAt: number, now: number, jumpMs: number): number {
    if (jumpMs > -LARGEST_STEP_BACK_MS) return dueAt;
    return this.nextAfter(now) ?? dueAt;
  }
}
