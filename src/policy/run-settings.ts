import type { MisfireRule, RetryRule } from '../run/contract.ts';
import type { RunSettings } from './contract.ts';
import type { CheckedPolicy } from './document-schema.ts';

type WrittenRun = NonNullable<CheckedPolicy['run']>;

/** Most policies say nothing of these: all of them share one object each. */
const MISFIRE: MisfireRule = { mode: 'run_once', windowMs: 3_600_000 };
const NO_RETRIES: RetryRule = { times: 0, backoffMs: 10_000 };

/** Those of policies that say nothing at all, in the zone that was asked for last. */
let unsaid: RunSettings | undefined;

/** A policy's `run` with nothing missing. */
export function runSettingsOf(run: CheckedPolicy['run'], hostTimezone: string): RunSettings {
  if (run != null) return settingsOf(run, hostTimezone);
  if (unsaid?.timezone !== hostTimezone) unsaid = settingsOf({}, hostTimezone);
  return unsaid;
}

function settingsOf(run: WrittenRun, hostTimezone: string): RunSettings {
  return {
    timezone: run.timezone ?? hostTimezone,
    timeoutMs: run.timeout ?? undefined,
    overlap: run.overlap ?? 'skip',
    misfire: misfireOf(run),
    retry: retryOf(run),
  };
}

function misfireOf({ misfire, misfire_window: windowMs }: WrittenRun): MisfireRule {
  if (misfire == null && windowMs == null) return MISFIRE;
  return { mode: misfire ?? MISFIRE.mode, windowMs: windowMs ?? MISFIRE.windowMs };
}

function retryOf({ retries, retry_backoff: backoffMs }: WrittenRun): RetryRule {
  if (retries == null && backoffMs == null) return NO_RETRIES;
  return { times: retries ?? NO_RETRIES.times, backoffMs: backoffMs ?? NO_RETRIES.backoffMs };
}
