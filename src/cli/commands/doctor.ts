import type { Examination, Treatment } from '../../state/doctor.ts';
import type { Finding } from '../../state/repair/finding.ts';
import { oneLine } from '../../telemetry/one-line.ts';
import { toggle } from '../option-kinds.ts';
import { OPTIONS } from '../options.ts';
import { takeOption } from '../read-options.ts';
import { usageError } from '../usage-error.ts';
import type { Command } from './command.ts';
import { count } from './table.ts';

/** `orb-worker doctor`. */
export const doctorCommand: Command = {
  name: 'doctor',
  usage: '[options]',
  description:
    'Examines a data directory and explains what it finds; a daemon may be at work in it. With --repair, which no daemon may have the directory for, sets what is damaged aside and goes on with all that can be read. Exit status 0: sound; 1: something was found.',
  kinds: [
    ['dataDir', { ...OPTIONS.dataDir, help: 'The data directory' }],
    ['repair', toggle({ help: 'Set what is damaged aside, with a report; nothing is removed' })],
    ['json', toggle({ help: 'The findings for programs' })],
  ],
  mostWords: 0,
  async run({ given }, { env, print }) {
    const directory = takeOption('dataDir', given, env);
    if (directory === undefined) throw usageError('--data-dir required');
    const doctor = await import('../../state/doctor.ts');
    const result = given.has('repair') ? doctor.repair(directory) : doctor.examine(directory);
    print(given.has('json') ? JSON.stringify(result, null, 2) : textOf(result));
    if (!lastOf(result).isSound) process.exitCode = 1;
  },
};

function lastOf(result: Examination | Treatment): Examination {
  return 'after' in result ? result.after : result;
}

function textOf(result: Examination | Treatment): string {
  if (!('after' in result)) return examinationText(result);
  const { before, repair, after } = result;
  if (repair === undefined) {
    const text = examinationText(after);
    return before.isSound ? `${text}\nNothing was to be repaired.` : text;
  }
  const rows = repair.tables.reduce((sum, table) => sum + table.rows, 0);
  const lost = repair.tables.reduce((sum, table) => sum + table.lossCount, 0);
  const taken =
    repair.failure === undefined
      ? `${count(rows)} rows were taken over, ${count(lost)} places could not be read`
      : `nothing could be taken over: ${oneLine(repair.failure)}`;
  return [
    examinationText(before),
    '',
    `Repaired: ${taken}.`,
    `What was damaged, and the report: ${oneLine(repair.folder)}`,
    '',
    examinationText(after),
  ].join('\n');
}

function examinationText({ directory, daemonPid, findings, isSound }: Examination): string {
  const whose = daemonPid === undefined ? 'no daemon has it now' : `the daemon with pid ${daemonPid} has it`;
  const verdict = isSound ? 'sound' : 'not as it should be';
  return [
    `The data directory ${oneLine(directory)} is ${verdict} (${whose}).`,
    ...findings.flatMap((finding, index) => findingLines(finding, findings[index - 1], findings[index + 1])),
  ].join('\n');
}

/** Findings that mean the same stand together, with what they mean below the last of them. */
function findingLines(finding: Finding, before?: Finding, after?: Finding): string[] {
  const { severity, where, what } = finding;
  return [
    ...(isAlike(finding, before) ? [] : ['']),
    `${severity}: ${oneLine(where)}: ${oneLine(what)}`,
    ...(isAlike(finding, after) ? [] : aboutOf(finding)),
  ];
}

function isAlike(one: Finding, other: Finding | undefined): boolean {
  return other !== undefined && other.meaning === one.meaning && other.remedy === one.remedy;
}

function aboutOf({ meaning, remedy }: Finding): string[] {
  return [meaning, remedy].filter((words) => words !== '').map((words) => `    ${words}`);
}
