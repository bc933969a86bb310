const FROM_SUNDAY = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;
const FROM_MONDAY = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
const ALL = new Set([0, 1, 2, 3, 4, 5, 6]);

const ITEM =
  /^(?:(?<every>\*)|(?<from>\d)(?:-(?<to>\d))?|(?<first>[a-z]{3})(?:-(?<last>[a-z]{3}))?)(?:\/(?<step>\d+))?$/i;

type Days = ReadonlySet<number>;

/** A weekday field as read here and in the Python worker, Sunday = 0; undefined: not known, or refused. */
interface WeekdayReadings {
  readonly ours: Days | undefined;
  readonly theirs: Days | undefined;
}

export function readWeekdays(field: string): WeekdayReadings {
  const items = field.split(',').map(readItem);
  return { ours: union(items.map(({ ours }) => ours)), theirs: union(items.map(({ theirs }) => theirs)) };
}

function readItem(item: string): WeekdayReadings {
  if (item === '?') return { ours: ALL, theirs: ALL };
  const groups = ITEM.exec(item)?.groups;
  if (!groups) return { ours: undefined, theirs: undefined };
  const { every, from, to, first, last, step } = groups;
  const stride = Number(step ?? 1);
  if (every !== undefined) return readNumbers(0, 6, stride);
  if (from !== undefined) {
    const end = step === undefined ? from : '6';
    return readNumbers(Number(from), Number(to ?? end), stride);
  }
  return readNames(first ?? '', last ?? first ?? '', stride);
}

/** Here 0 and 7 are Sunday; there 0 is Monday, and 7 is refused, as is a step that leads out of the range. */
function readNumbers(from: number, to: number, step: number): WeekdayReadings {
  const numbers = count(from, to, step);
  const isRefused = to > 6 || (step > 1 && step > to - from);
  return {
    ours: new Set(numbers.map((number) => number % 7)),
    theirs: isRefused ? undefined : new Set(numbers.map((number) => (number + 1) % 7)),
  };
}

/** There a step after names is skipped over, and a range may not start on Sunday. */
function readNames(first: string, last: string, step: number): WeekdayReadings {
  const from = indexOf(FROM_SUNDAY, first);
  const to = indexOf(FROM_SUNDAY, last);
  const ours = count(from, to < from ? to + 7 : to, step);
  const theirs = count(indexOf(FROM_MONDAY, first), indexOf(FROM_MONDAY, last), 1);
  return {
    ours: new Set(ours.map((day) => day % 7)),
    theirs: theirs.length === 0 ? undefined : new Set(theirs.map((day) => (day + 1) % 7)),
  };
}

const indexOf = (names: readonly string[], name: string): number => names.indexOf(name.toLowerCase());

function count(from: number, to: number, step: number): readonly number[] {
  const numbers: number[] = [];
  for (let number = from; number <= to; number += Math.max(1, step)) numbers.push(number);
  return numbers;
}

function union(sets: readonly (Days | undefined)[]): Days | undefined {
  const days = new Set<number>();
  for (const set of sets) {
    if (set === undefined) return undefined;
    for (const day of set) days.add(day);
  }
  return days;
}

/** Weekdays by name, in a form that means the same to both: `mon-fri`, `tue,sat,sun`, `*`. */
export function commonWeekdays(days: Days): string {
  if (days.size === 7) return '*';
  const parts: string[] = [];
  let run: string[] = [];
  const close = (): void => {
    if (run.length > 2) parts.push(`${run[0]}-${run.at(-1)}`);
    else parts.push(...run);
    run = [];
  };
  for (const name of FROM_MONDAY) {
    if (days.has(FROM_SUNDAY.indexOf(name))) run.push(name);
    else close();
  }
  close();
  return parts.join(',');
}
