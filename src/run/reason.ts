import type { Redact } from '../redact.ts';

const LONGEST_REASON = 2_000;
const CUT_MARK = '...';

/** A text as a run's reason: without secrets, and of at most 2,000 characters. */
export function reasonOf(text: string, redact: Redact): string {
  const cleaned = redact(text);
  if (cleaned.length <= LONGEST_REASON) return cleaned;
  return cleaned.slice(0, LONGEST_REASON - CUT_MARK.length).toWellFormed() + CUT_MARK;
}
