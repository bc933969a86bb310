import { messageOf } from '../../errors.ts';
import { shorten } from '../messages.ts';

/** The text of anything that a backend threw, however strange, within bounds. */
export function textOf(thrown: unknown): string {
  try {
    return shorten(`${messageOf(thrown)}`);
  } catch {
    return 'something without a text was thrown';
  }
}

/** Where it was thrown, for the log; as {@link textOf} when that is unknown. */
export function stackOf(thrown: unknown): string {
  try {
    if (thrown instanceof Error && typeof thrown.stack === 'string') return shorten(thrown.stack);
  } catch {
    // A getter of the backend's own threw: its text has to do.
  }
  return textOf(thrown);
}
