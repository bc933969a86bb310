import type { MisfireRule } from '../run/contract.ts';
import { durationText } from '../run/duration-text.ts';
import { MISSED_AFTER_MS } from '../trigger/cron-trigger.ts';

interface Moment {
  /** Epoch ms, as `now`. */
  readonly dueAt: number;
  readonly now: number;
  /** Nobody was there when it came. */
  readonly wasDown: boolean;
}

/** Why a moment of a schedule that has come starts no run any more; undefined: it does. */
export function whySkipped({ mode, windowMs }: MisfireRule, moment: Moment): string | undefined {
  const { dueAt, now, wasDown } = moment;
  const lateMs = now - dueAt;
  if (!wasDown && lateMs <= Math.min(windowMs, MISSED_AFTER_MS)) return undefined;
  const seconds = Math.ceil(lateMs / 1_000);
  const late = `due ${durationText(seconds * 1_000)} ago, ${wasDown ? 'while the daemon was down' : 'while the machine slept or before its clock was set'}`;
  if (mode === 'skip') return `missed: ${late}; misfire is skip`;
  if (lateMs > windowMs) return `missed: ${late}; misfire_window is ${durationText(windowMs)}`;
  return undefined;
}
