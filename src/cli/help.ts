import { Command, Option } from 'commander';
import type { OptionKind } from './option-kinds.ts';
import { allOptions, flagOf, variableOf } from './options.ts';

/** The page that `--help` shows: every option with its variable and default. */
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

function flagsText(key: string, { short, placeholder }: OptionKind<unknown>): string {
  const flags = short === undefined ? flagOf(key) : `-${short}, ${flagOf(key)}`;
  return placeholder === undefined ? flags : `${flags} <${placeholder}>`;
}

function describe(key: string, { help, shownDefault, fallback }: OptionKind<unknown>): string {
  const isShown = typeof fallback === 'string' || typeof fallback === 'number';
  const preset = shownDefault ?? (isShown ? String(fallback) : undefined);
  return `${help} (${preset === undefined ? '' : `default: ${preset}, `}env: ${variableOf(key)})`;
}
