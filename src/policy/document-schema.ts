import { z } from 'zod';
import { parseDuration } from './duration.ts';
import { isTimezone } from './timezone.ts';

const durationMs = z.unknown().transform((value, context) => {
  try {
    const ms = typeof value === 'string' || typeof value === 'number' ? parseDuration(value) : 0;
    if (ms > 0) return ms;
  } catch {
    // Said below, without the value: it may come from the environment.
  }
  context.addIssue('Not a duration longer than 0: write 90s, 5m, 1h30m, or a number of seconds.');
  return z.NEVER;
});

const timezone = z.string().refine(isTimezone, {
  error: 'No such time zone: write an IANA name such as Europe/Berlin, or UTC.',
});

/** More would try for weeks. */
const MOST_RETRIES = 100;

const retries = z.unknown().transform((value, context) => {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MOST_RETRIES)
    return value;
  context.addIssue(`Not a whole number from 0 to ${MOST_RETRIES}.`);
  return z.NEVER;
});

const runSchema = z.strictObject({
  timezone: timezone.nullish(),
  timeout: durationMs.nullish(),
  overlap: z.enum(['skip', 'queue_one', 'allow']).nullish(),
  misfire: z.enum(['run_once', 'skip']).nullish(),
  misfire_window: durationMs.nullish(),
  retries: retries.nullish(),
  retry_backoff: durationMs.nullish(),
});

const configSchema = z.looseObject({ package: z.string(), schedule: z.string().nullish() });

/** One policy, its maps made plain objects. Unknown keys are allowed everywhere but in `run`, which is ours. */
export const policySchema = z.object({
  config: configSchema,
  scope: z.unknown().refine((scope) => scope !== undefined),
  run: runSchema.nullish(),
});

/** A policy that has nothing wrong, its durations in ms. */
export type CheckedPolicy = z.infer<typeof policySchema>;

/** The keys we know, by where they belong. */
export const KNOWN_KEYS = {
  config: Object.keys(configSchema.shape),
  policy: Object.keys(policySchema.shape),
  run: Object.keys(runSchema.shape),
} as const;
