import { StartError } from '../errors.ts';
import { oneLine } from '../telemetry/one-line.ts';

/** The options cannot be used as they are: exit status 2. */
export function usageError(message: string): StartError {
  return new StartError(2, message);
}

/**
 * What goes to stderr for it, as upstream: how to use the program, then what was wrong.
 *
 * @param usage what follows the program's name; undefined: it was used as it should be, and only what was wrong is said
 */
export function usageText(message: string, program: string, usage: string | undefined): string {
  const error = `${program}: error: ${oneLine(message)}\n`;
  return usage === undefined ? error : `usage: ${program} ${usage}, all of them with --help\n${error}`;
}
