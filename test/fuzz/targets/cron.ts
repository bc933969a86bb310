import { lintCron } from '../../../src/policy/lint-cron.ts';
import { CronError, compileCron } from '../../../src/trigger/cron.ts';
import { type FuzzTarget, pureTrial, refusalOf } from '../support/target.ts';

const FROM = Date.UTC(2026, 9, 24, 22);
const ZONES = ['UTC', 'Europe/Berlin', 'Australia/Lord_Howe'];

/** A cron expression. */
export const target: FuzzTarget = {
  name: 'cron',
  limitMs: 1_000,
  words: [
    ...[
      '* ',
      '*/5 ',
      '0 ',
      '59 ',
      '1-5 ',
      '1,2 ',
      '5/7 ',
      '? ',
      'L ',
      '15W ',
      'LW ',
      '5#3 ',
      '5L ',
      '+',
      '-1 ',
      '60 ',
    ],
    ...[
      'mon',
      'SUN',
      'jan-mar',
      ',',
      '-',
      '/',
      '#',
      '*',
      '?',
      '@daily',
      '@reboot',
      '0-0',
      '31 ',
      '2 ',
      '29 2 ',
      '7',
    ],
    ...['2026-01-01T00:00:00', '\t', '\n', '  ', '0 0 31 2,4,6,9,11 *', '99999999999999999999'],
  ],
  open: async () => pureTrial(tryExpression),
};

function tryExpression(input: Buffer): void {
  const expression = input.toString();
  lintCron(expression);
  for (const zone of ZONES) refusalOf(() => lookAt(expression, zone), CronError);
}

function lookAt(expression: string, zone: string): void {
  const schedule = compileCron(expression, zone);
  let last = FROM;
  for (let firing = 0; firing < 4; firing++) {
    const next = schedule.nextAfter(last);
    if (next === undefined) throw new Error(`never fires after ${new Date(last).toISOString()}`);
    if (!(next > last) || next % 1_000 !== 0) throw new Error(`fires at ${next} after ${last}`);
    last = next;
  }
}
