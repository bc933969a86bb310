import { type ArgvFlag, readArgv, type TakenFlag } from './argv.ts';
import { InvalidValue, type OptionKind } from './option-kinds.ts';
import { flagOf, shownName } from './options.ts';
import type { GivenValues } from './read-options.ts';
import { usageError } from './usage-error.ts';

/** Options by their keys. */
export type Kinds = readonly (readonly [key: string, kind: OptionKind<unknown>])[];

/** What stands on a command line. */
export interface Line {
  readonly given: GivenValues;
  readonly words: readonly string[];
  /** Nothing behind it was looked at. */
  readonly asksFor: 'help' | 'version' | undefined;
  /** What is wrong with the rest of it. */
  readonly fault: string | undefined;
}

const HELP: ArgvFlag = {
  key: 'help',
  long: '--help',
  short: '-h',
  takesValue: false,
  credential: false,
  ends: true,
};
const VERSION: ArgvFlag = { ...HELP, key: 'version', long: '--version', short: '-V' };

/**
 * Finds options and words on a command line. Throws a usage error for a value that its option cannot take.
 *
 * @param mostWords see {@link readArgv}
 */
export function readLine(argv: readonly string[], kinds: Kinds, env: NodeJS.ProcessEnv, mostWords = 0): Line {
  const { taken, words, endedBy, fault } = readArgv(argv, flagsOf(kinds), mostWords);
  const given = collectValues(taken, new Map(kinds), env);
  const asksFor = endedBy === HELP ? 'help' : endedBy === VERSION ? 'version' : undefined;
  return { given, words, asksFor, fault };
}

/** All flags, in upstream's order. */
function flagsOf(kinds: Kinds): readonly ArgvFlag[] {
  const options = kinds.map(([key, kind]) => ({
    key,
    long: flagOf(key),
    short: kind.short === undefined ? undefined : `-${kind.short}`,
    takesValue: kind.placeholder !== undefined,
    credential: kind.credential === true,
  }));
  return [HELP, VERSION, ...options];
}

/** Checks each value where it stands, so that the first mistake of the line is the one that is told. */
function collectValues(
  taken: readonly TakenFlag[],
  kinds: ReadonlyMap<string, OptionKind<unknown>>,
  env: NodeJS.ProcessEnv,
): GivenValues {
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
