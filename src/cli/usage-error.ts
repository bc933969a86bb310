import { StartError } from '../errors.ts';
import { oneLine } from '../telemetry/one-line.ts';

/** The options cannot be used as they are: exit status 2. */
export function usageError(message: string): StartError {
  return new StartError(2, message);
}

/** What goes to stderr for it, as upstream: how to use the program, then what was wrong. */
export function usageText(message: string): string {
  return `usage: orb-worker [options], all of them with --help\norb-worker: error: ${oneLine(message)}\n`;
}
