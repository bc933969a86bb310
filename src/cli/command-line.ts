import type { DaemonOptions } from '../options.ts';
import { commandNamed } from './commands/command.ts';
import { allOptions } from './options.ts';
import { readLine } from './read-line.ts';
import { readOptions } from './read-options.ts';
import { usageError } from './usage-error.ts';

/** What a command line asks for. */
export type Wish =
  | { readonly kind: 'help' }
  | { readonly kind: 'version' }
  | { readonly kind: 'daemon'; readonly options: DaemonOptions };

/** Reads the words after the program's name. Throws a usage error, in upstream's words, for the first fault. */
export function readCommandLine(argv: readonly string[], env: NodeJS.ProcessEnv): Wish {
  const { given, asksFor, fault } = readLine(argv, allOptions(), env);
  if (asksFor !== undefined) return { kind: asksFor };
  if (fault !== undefined) throw usageError(`${fault}${hintFor(argv, env)}`);
  return { kind: 'daemon', options: readOptions(given, env) };
}

/** For whoever names a command behind flags: upstream has none, so that there such a word is only one too many. */
function hintFor(argv: readonly string[], env: NodeJS.ProcessEnv): string {
  const [word] = readLine(argv, allOptions(), env, 1).words;
  return commandNamed(word) ? ` (a command comes before its flags: orb-worker ${word} ...)` : '';
}
