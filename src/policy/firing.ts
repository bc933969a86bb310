import type { Clock } from '../clock.ts';
import type { RunCoordinator } from '../run/contract.ts';
import type { Trigger } from '../trigger/contract.ts';
import { compileCron } from '../trigger/cron.ts';
import { CronTrigger, LARGEST_STEP_BACK_MS } from '../trigger/cron-trigger.ts';
import { OnceTrigger } from '../trigger/once-trigger.ts';
import { Schedule } from '../trigger/schedule.ts';
import type { AppliedPolicy } from './applied-policy.ts';
import type { PolicyDraft } from './contract.ts';
import { whySkipped } from './misfire.ts';
import type { FoundPolicy } from './policy-store.ts';

interface FiringParts {
  readonly clock: Clock;
  readonly coordinator: RunCoordinator;
}

/** Lets the triggers of policies fire runs, and deals with the moments that were missed. */
export class Firing {
  readonly #clock: Clock;
  readonly #coordinator: RunCoordinator;
  readonly #schedule: Schedule;
  /** What was due before (epoch ms) came while nobody was there. */
  #restartedAt = Number.NEGATIVE_INFINITY;

  constructor({ clock, coordinator }: FiringParts) {
    this.#clock = clock;
    this.#coordinator = coordinator;
    this.#schedule = new Schedule(clock);
  }

  /** The daemon goes on with what an earlier life left. */
  noteRestart(): void {
    this.#restartedAt = this.#clock.now();
  }

  triggerOf({ schedule, settings }: PolicyDraft): Trigger {
    if (schedule === undefined) return new OnceTrigger(this.#schedule, this.#clock);
    const cron = compileCron(schedule, settings.timezone);
    // It remembers the answer until it is asked again, at the start.
    cron.nextAfter(this.#clock.now());
    return new CronTrigger(this.#schedule, this.#clock, cron);
  }

  /** Its trigger fires later at the soonest. */
  start(policy: AppliedPolicy): void {
    policy.trigger.start((dueAt) => this.#comeDue(policy, dueAt));
  }

  /** A policy of an earlier life is there again, with the runs that it is owed and the moments that it missed. */
  startAgain(policy: AppliedPolicy, { hasRun, lastDueAt = 0, appliedAt }: FoundPolicy): void {
    const isOwedRunThere = this.#coordinator.takeUp(policy);
    if (policy.kind === 'once' && (hasRun || isOwedRunThere)) return;
    policy.trigger.start((dueAt) => {
      if (!this.#hasBeen(dueAt, lastDueAt)) this.#comeDue(policy, dueAt);
    });
    if (!(policy.trigger instanceof CronTrigger)) return;
    const missedAt = policy.trigger.latestSince(Math.max(lastDueAt, appliedAt));
    if (missedAt !== undefined) this.#comeDue(policy, missedAt);
  }

  /** The clock was set back a little since: the moment came in an earlier life. */
  #hasBeen(dueAt: number, lastDueAt: number): boolean {
    return dueAt <= lastDueAt && lastDueAt - this.#clock.now() <= LARGEST_STEP_BACK_MS;
  }

  #comeDue(policy: AppliedPolicy, dueAt: number): void {
    const moment = { dueAt, now: this.#clock.now(), wasDown: dueAt < this.#restartedAt };
    const reason = policy.kind === 'cron' ? whySkipped(policy.misfire, moment) : undefined;
    if (reason === undefined) this.#coordinator.fire(policy, policy.kind, dueAt);
    else this.#coordinator.skip(policy, policy.kind, dueAt, reason);
  }
}
