import type { CronSchedule } from './cron.ts';

/** Schedules that fire a few times in the gap are followed moment by moment. */
const FEW = 4;
const SECOND_MS = 1_000;

/** The latest moment of a schedule (epoch ms) after `after` and not after `until`; undefined: there is none. */
export function latestMoment(cron: CronSchedule, after: number, until: number): number | undefined {
  let latest: number | undefined;
  for (let count = 0; count < FEW; count++) {
    const next = cron.nextAfter(latest ?? after);
    if (next === undefined || next > until) return latest;
    latest = next;
  }
  return latest === undefined ? undefined : lastOfMany(cron, latest, until);
}

/** @param known a moment that is not after `until`. */
function lastOfMany(cron: CronSchedule, known: number, until: number): number {
  const isAnyAfter = (seconds: number): boolean => {
    const next = cron.nextAfter(known + seconds * SECOND_MS);
    return next !== undefined && next <= until;
  };
  // Moments are whole seconds apart: `low` seconds after the known one there are more, `high` seconds after it none.
  let low = -1;
  let high = Math.floor((until - known) / SECOND_MS);
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (isAnyAfter(middle)) low = middle;
    else high = middle;
  }
  return known + high * SECOND_MS;
}
