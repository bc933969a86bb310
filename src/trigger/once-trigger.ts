import type { Clock } from '../clock.ts';
import type { Trigger } from './contract.ts';
import type { Appointment, Entry, Schedule } from './schedule.ts';

/** How long after the policy was applied its only run is due (sheet: Schedules). */
const DELAY_MS = 1_000;

/** Fires once, shortly after it was started, however the clock is set meanwhile. */
export class OnceTrigger implements Trigger, Appointment {
  readonly #schedule: Schedule;
  readonly #clock: Clock;
  #fire: ((dueAt: number) => void) | undefined;
  #entry: Entry | undefined;

  constructor(schedule: Schedule, clock: Clock) {
    this.#schedule = schedule;
    this.#clock = clock;
  }

  start(fire: (dueAt: number) => void): void {
    this.#fire = fire;
    this.#entry = this.#schedule.add(this, this.#clock.now() + DELAY_MS);
  }

  stop(): void {
    if (this.#entry) this.#schedule.remove(this.#entry);
    this.#entry = undefined;
  }

  next(): number | undefined {
    return this.#entry?.dueAt;
  }

  fire(dueAt: number): void {
    this.#entry = undefined;
    this.#fire?.(dueAt);
  }

  nextAfter(): undefined {
    return undefined;
  }

  dueAfterJump(dueAt: number, _now: number, jumpMs: number): number {
    return dueAt + jumpMs;
  }
}
