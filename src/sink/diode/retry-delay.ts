import type { HttpReply } from './http-post.ts';

const FIRST_DELAY_MS = 1000;
const LONGEST_DELAY_MS = 30_000;
const JITTER_SHARE = 0.25;
const SAYS_WHEN = [429, 503];

/**
 * How long to wait, in milliseconds, before the token endpoint is asked again (sheet: Sending to Diode 1): 1, 2, 4 s, or
 * what `Retry-After` says, and up to a quarter more; 30 s at most.
 *
 * @param tries how often it was asked.
 * @param now milliseconds since the epoch, for a `Retry-After` that is a date.
 * @param random from 0 to 1.
 */
export function retryDelay(reply: HttpReply, tries: number, now: number, random: number): number {
  const asked = SAYS_WHEN.includes(reply.status)
    ? readRetryAfter(reply.headers['retry-after'], now)
    : undefined;
  const delay = Math.min(asked ?? FIRST_DELAY_MS * 2 ** (tries - 1), LONGEST_DELAY_MS);
  return Math.min(delay * (1 + JITTER_SHARE * random), LONGEST_DELAY_MS);
}

/** Milliseconds; undefined for what is neither whole seconds nor a date. */
function readRetryAfter(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  const at = Date.parse(value);
  return Number.isNaN(at) || /^[-+]?\d/.test(value) ? undefined : Math.max(0, at - now);
}
