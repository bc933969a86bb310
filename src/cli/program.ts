import { Command, Option } from 'commander';
import type { ArgvFlag } from './argv.ts';
import { InvalidValue, type OptionKind } from './option-kinds.ts';
import { flagOf, OPTIONS, shownName, variableOf } from './options.ts';
import { usageError } from './usage-error.ts';

/** What each flag was given, by its option's key: its values, or true for a flag that takes none. */
export type GivenFlags = Partial<Record<string, readonly string[] | true>>;

export const HELP: ArgvFlag = {
  long: '--help',
  short: '-h',
  takesValue: false,
  credential: false,
  ends: true,
};
export const VERSION: ArgvFlag = { ...HELP, long: '--version', short: '-V' };

/** All flags, in upstream's order. */
export function argvFlags(): readonly ArgvFlag[] {
  const flags = allOptions().map(([key, kind]) => ({
    long: flagOf(key),
    short: kind.short === undefined ? undefined : `-${kind.short}`,
    takesValue: kind.placeholder !== undefined,
    credential: kind.credential === true,
  }));
  return [HELP, VERSION, ...flags];
}

/**
 * Reads flags that `readArgv` accepted. Throws a usage error for a value that its option cannot take: the first of
 * the line is the one that is told.
 */
export function parseFlags(accepted: readonly string[], env: NodeJS.ProcessEnv): GivenFlags {
  const program = new Command().exitOverride();
  for (const [key, kind] of allOptions()) {
    program.addOption(
      new Option(flagsText(key, kind)).argParser((value: string, previous: readonly string[] = []) => {
        checkValue(key, kind, value, env);
        return [...previous, value];
      }),
    );
  }
  return program.parse(accepted, { from: 'user' }).opts<GivenFlags>();
}

/** The page that `--help` shows. */
export function helpText(): string {
  const program = new Command('orb-worker')
    .description('Runs collectors on a schedule, isolated, and delivers what they find to NetBox Diode.')
    .usage('[options]')
    .configureHelp({ styleTitle: (title) => title.replace('Usage:', 'usage:') })
    .version('', '-V, --version', 'Show the versions of the worker and of the Diode SDK it speaks')
    .helpOption('-h, --help', 'Show this page');
  for (const [key, kind] of allOptions()) {
    program.addOption(new Option(flagsText(key, kind), describe(key, kind)));
  }
  return program.helpInformation();
}

function allOptions(): readonly [string, OptionKind<unknown>][] {
  return Object.entries<OptionKind<unknown>>(OPTIONS);
}

function checkValue(key: string, kind: OptionKind<unknown>, value: string, env: NodeJS.ProcessEnv): void {
  try {
    kind.read([value], env);
  } catch (error) {
    if (error instanceof InvalidValue) throw usageError(`argument ${shownName(key, kind)}: ${error.message}`);
    throw error;
  }
}

function flagsText(key: string, { short, placeholder }: OptionKind<unknown>): string {
  const flags = short === undefined ? flagOf(key) : `-${short}, ${flagOf(key)}`;
  return placeholder === undefined ? flags : `${flags} <${placeholder}>`;
}

function describe(key: string, { help, shownDefault, fallback }: OptionKind<unknown>): string {
  const isShown = typeof fallback === 'string' || typeof fallback === 'number';
  const preset = shownDefault ?? (isShown ? String(fallback) : undefined);
  return `${help} (${preset === undefined ? '' : `default: ${preset}, `}env: ${variableOf(key)})`;
}
