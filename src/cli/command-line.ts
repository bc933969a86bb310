import type { DaemonOptions } from '../options.ts';
import { type ArgvFlag, readArgv, type TakenFlag } from './argv.ts';
import { InvalidValue, type OptionKind } from './option-kinds.ts';
import { allOptions, flagOf, shownName } from './options.ts';
import { type GivenValues, readOptions } from './read-options.ts';
import { usageError } from './usage-error.ts';

/** What a command line asks for. */
export type Wish =
  | { readonly kind: 'help' }
  | { readonly kind: 'version' }
  | { readonly kind: 'daemon'; readonly options: DaemonOptions };

const HELP: ArgvFlag = {
  key: 'help',
  long: '--help',
  short: '-h',
  takesValue: false,
  credential: false,
  ends: true,
};
const VERSION: ArgvFlag = { ...HELP, key: 'version', long: '--version', short: '-V' };

/** Reads the words after the program's name. Throws a usage error, in upstream's words, for the first fault. */
export function readCommandLine(argv: readonly string[], env: NodeJS.ProcessEnv): Wish {
  const { taken, endedBy, fault } = readArgv(argv, flags());
  const given = collectValues(taken, env);
  if (endedBy === HELP) return { kind: 'help' };
  if (endedBy === VERSION) return { kind: 'version' };
  if (fault !== undefined) throw usageError(fault);
  return { kind: 'daemon', options: readOptions(given, env) };
}

/** All flags, in upstream's order. */
function flags(): readonly ArgvFlag[] {
  const options = allOptions().map(([key, kind]) => ({
    key,
    long: flagOf(key),
    short: kind.short === undefined ? undefined : `-${kind.short}`,
    takesValue: kind.placeholder !== undefined,
    credential: kind.credential === true,
  }));
  return [HELP, VERSION, ...options];
}

/** Checks each value where it stands, so that the first mistake of the line is the one that is told. */
function collectValues(taken: readonly TakenFlag[], env: NodeJS.ProcessEnv): GivenValues {
  const kinds = new Map(allOptions());
  const given = new Map<string, string[]>();
  for (const { flag, value } of taken) {
    const values = given.get(flag.key) ?? [];
    given.set(flag.key, values);
    const kind = kinds.get(flag.key);
    if (value === undefined || kind === undefined) continue;
    checkValue(flag.key, kind, value, env);
    values.push(value);
  }
  return given;
}

function checkValue(key: string, kind: OptionKind<unknown>, value: string, env: NodeJS.ProcessEnv): void {
  try {
    kind.read([value], env);
  } catch (error) {
    if (error instanceof InvalidValue) throw usageError(`argument ${shownName(key, kind)}: ${error.message}`);
    throw error;
  }
}
