import { Option, Command as Page } from 'commander';
import { type Command, commandNames } from './commands/command.ts';
import type { OptionKind } from './option-kinds.ts';
import { allOptions, flagOf, OPTIONS, variableOf } from './options.ts';
import type { Kinds } from './read-line.ts';

/** The page that `--help` shows: every option with its variable and default. */
export function helpText(): string {
  const about = 'Runs collectors on a schedule, isolated, and delivers what they find to NetBox Diode.';
  const commands = commandNames.map((name) => `orb-worker ${name}`).join(', ');
  return `${pageOf('orb-worker', '[options]', about, allOptions())}\nBeside the daemon: ${commands}; --help behind each says more.\n`;
}

/** The page of one command. */
export function commandHelp({ name, usage, description, kinds }: Command): string {
  return pageOf(`orb-worker ${name}`, usage, description, kinds).trimEnd();
}

function pageOf(program: string, usage: string, description: string, kinds: Kinds): string {
  const page = new Page(program)
    .description(description)
    .usage(usage)
    .configureHelp({ styleTitle: (title) => title.replace('Usage:', 'usage:') })
    .version('', '-V, --version', 'Show the versions of the worker and of the Diode SDK it speaks')
    .helpOption('-h, --help', 'Show this page');
  for (const [key, kind] of kinds) page.addOption(new Option(flagsText(key, kind), describe(key, kind)));
  return page.helpInformation();
}

function flagsText(key: string, { short, placeholder }: OptionKind<unknown>): string {
  const flags = short === undefined ? flagOf(key) : `-${short}, ${flagOf(key)}`;
  return placeholder === undefined ? flags : `${flags} <${placeholder}>`;
}

/** The daemon's options have a variable each; those of commands that it does not know have none. */
function describe(key: string, { help, shownDefault, fallback }: OptionKind<unknown>): string {
  const isShown = typeof fallback === 'string' || typeof fallback === 'number';
  const preset = shownDefault ?? (isShown ? String(fallback) : undefined);
  const facts = [
    ...(preset === undefined ? [] : [`default: ${preset}`]),
    ...(Object.hasOwn(OPTIONS, key) ? [`env: ${variableOf(key)}`] : []),
  ];
  return facts.length === 0 ? help : `${help} (${facts.join(', ')})`;
}
