import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { lintCron } from '../../src/policy/lint-cron.ts';
import { CronError, compileCron } from '../../src/trigger/cron.ts';

interface ScheduleCase {
  readonly expression: string;
  /** When the Python worker fires next after each of `MOMENTS` (epoch s); null: it refuses the expression. */
  readonly fires: readonly (number | null)[] | null;
}

/** Epoch ms: sixty moments of a year and a bit, at all times of the day. */
const MOMENTS = Array.from({ length: 60 }, (_, i) => Date.UTC(2027, 0, 1) - 1_000 + i * 544_380_000);

const schedules = JSON.parse(
  readFileSync(new URL('corpus/schedules.json', import.meta.url), 'utf8'),
) as readonly ScheduleCase[];

/** As in the corpus; undefined: refused. */
function firesOf(expression: string): readonly (number | null)[] | undefined {
  try {
    const schedule = compileCron(expression, 'UTC');
    return MOMENTS.map((moment) => {
      const next = schedule.nextAfter(moment);
      return next === undefined ? null : next / 1_000;
    });
  } catch (fault) {
    if (fault instanceof CronError) return undefined;
    throw fault;
  }
}

describe('warns exactly of the expressions that the Python worker reads otherwise', () => {
  const accepted = schedules.filter(({ expression }) => firesOf(expression));
  test.each(accepted.map(({ expression, fires }) => [expression, fires] as const))(
    '%s',
    (expression, fires) => {
      const isSame = JSON.stringify(firesOf(expression)) === JSON.stringify(fires);
      expect({ expression, isWarned: lintCron(expression) !== undefined }).toEqual({
        expression,
        isWarned: !isSame,
      });
    },
  );
});

test.each([
  [
    '0 3 * * 1-5',
    "'0 3 * * 1-5': weekday '1-5' is mon-fri here, the Python worker counts from Monday and reads tue-sat: '0 3 * * mon-fri' means the same to both",
  ],
  [
    '0 3 * * 0',
    "'0 3 * * 0': weekday '0' is sun here, the Python worker counts from Monday and reads mon: '0 3 * * sun' means the same to both",
  ],
  [
    '0 3 * * 7',
    "'0 3 * * 7': weekday '7' is sun here, the Python worker refuses it: '0 3 * * sun' means the same to both",
  ],
  [
    '0 3 * * */2',
    "'0 3 * * */2': weekday '*/2' is tue,thu,sat,sun here, the Python worker counts from Monday and reads mon,wed,fri,sun: '0 3 * * tue,thu,sat,sun' means the same to both",
  ],
  ['@weekly', "'@weekly': the Python worker refuses it; '0 0 * * sun' means the same to both"],
  ['0 */5 * * * *', "'0 */5 * * * *': the Python worker refuses it; '*/5 * * * *' means the same to both"],
  [
    '*/60 * * * *',
    "'*/60 * * * *': minute '*/60': the Python worker refuses a step of more than 59 there, write '0' for both",
  ],
])('%s: says both readings and what means the same', (expression, message) => {
  expect(lintCron(expression)).toBe(message);
});

test('day and weekday together: says that one of the two is to be given', () => {
  expect(lintCron('0 0 13 * fri')).toContain(
    "day '13' or weekday 'fri' here, the Python worker wants both to match",
  );
});

test('what it suggests does mean the same, and needs no warning', () => {
  for (const { expression } of schedules) {
    const same = /'([^']+)' means the same to both/.exec(lintCron(expression) ?? '')?.[1];
    const fires = firesOf(expression);
    if (same === undefined || fires === undefined) continue;
    expect({ expression, same, fires: firesOf(same) }).toEqual({ expression, same, fires });
    expect(lintCron(same)).toBeUndefined();
  }
});
