import { commonWeekdays, readWeekdays } from './cron-weekdays.ts';

/** The field and what its numbers may be, as the Python worker has them. */
const FIELDS = [
  { name: 'minute', min: 0, max: 59 },
  { name: 'hour', min: 0, max: 23 },
  { name: 'day', min: 1, max: 31 },
  { name: 'month', min: 1, max: 12 },
  { name: 'weekday', min: 0, max: 6 },
] as const;

const NICKNAMES: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * sun',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};

/**
 * Where the Python worker reads a cron expression otherwise (sheet: Schedules): both readings, and the way to write
 * what means the same to both.
 *
 * @param expression one that compiles.
 */
export function lintCron(expression: string): string | undefined {
  const fields = expression.trim().split(/\s+/);
  if (fields.length === 1) return refusedAs(expression, NICKNAMES[expression.trim().toLowerCase()]);
  if (fields.length === 6) return lintSeconds(expression, fields);
  const notes = [lintWeekday(fields), lintDays(fields), lintOddities(fields)].filter(
    (note) => note !== undefined,
  );
  return notes.length > 0 ? `'${expression}': ${notes.join('; ')}` : undefined;
}

function refusedAs(expression: string, same: string | undefined): string {
  const help = same ? `'${same}' means the same to both` : 'there is no way to write it for both';
  return `'${expression}': the Python worker refuses it; ${help}`;
}

function lintSeconds(expression: string, [seconds, ...rest]: readonly string[]): string {
  const isWholeMinute = seconds !== undefined && /^0+$/.test(seconds);
  if (!isWholeMinute)
    return `'${expression}': the first of 6 fields counts seconds; the Python worker knows no seconds and refuses it`;
  const same = lintCron(rest.join(' ')) === undefined;
  return refusedAs(expression, same ? rest.join(' ') : undefined);
}

/** Numbers count from Sunday in cron, from Monday there. */
function lintWeekday(fields: readonly string[]): string | undefined {
  const field = fields[4] ?? '*';
  const { ours, theirs } = readWeekdays(field);
  if (ours === undefined || (theirs !== undefined && sameDays(ours, theirs))) return undefined;
  const there =
    theirs === undefined ? 'refuses it' : `counts from Monday and reads ${commonWeekdays(theirs)}`;
  const same = [...fields.slice(0, 4), commonWeekdays(ours)].join(' ');
  const isSame = lintDays(fields) === undefined && lintOddities(fields) === undefined;
  const help = isSame ? `'${same}' means the same to both` : `write '${commonWeekdays(ours)}' for both`;
  return `weekday '${field}' is ${commonWeekdays(ours)} here, the Python worker ${there}: ${help}`;
}

const sameDays = (one: ReadonlySet<number>, other: ReadonlySet<number>): boolean =>
  one.size === other.size && [...one].every((day) => other.has(day));

function lintDays(fields: readonly string[]): string | undefined {
  const [, , day = '*', , weekday = '*'] = fields;
  if (isEvery(day) || isEvery(weekday)) return undefined;
  return `it runs on days that match day '${day}' or weekday '${weekday}' here, the Python worker wants both to match: give one of the two, in two policies if either is meant`;
}

const isEvery = (field: string): boolean => field.split(',').some((item) => item === '*' || item === '?');

/** What the Python worker's scheduler refuses, or skips over. */
function lintOddities(fields: readonly string[]): string | undefined {
  for (const [index, { name, min, max }] of FIELDS.entries()) {
    for (const item of fields[index]?.split(',') ?? []) {
      const oddity = oddityOf(item, min, max, name === 'weekday');
      if (oddity !== undefined) return `${name} '${item}': ${oddity}`;
    }
  }
  return undefined;
}

const ITEM =
  /^(?:(?<every>\*)|(?<from>\d+)(?:-(?<to>\d+))?|(?<names>[a-z]{3}(?:-[a-z]{3})?))(?:\/(?<step>\d+))?$/i;

function oddityOf(item: string, min: number, max: number, isWeekday: boolean): string | undefined {
  const groups = ITEM.exec(item)?.groups;
  if (!groups)
    return item === '?' ? "the Python worker refuses '?', write * for both" : 'the Python worker refuses it';
  const { every, from, to, names, step } = groups;
  if (step === undefined) return undefined;
  if (names !== undefined) {
    return isWeekday
      ? undefined
      : 'the Python worker skips over a step after names, write the names one by one for both';
  }
  const first = every === undefined ? Number(from) : min;
  const last = to === undefined ? max : Number(to);
  if (isWeekday || Number(step) <= last - first) return undefined;
  return `the Python worker refuses a step of more than ${last - first} there, write '${first}' for both`;
}
