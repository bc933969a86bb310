import { Cron } from 'croner';
import { messageOf } from '../errors.ts';

/** When a cron expression fires in its zone. */
export interface CronSchedule {
  /** The first moment later than `epochMs`, in whole seconds (epoch ms); undefined when there is none. */
  nextAfter(epochMs: number): number | undefined;
}

/** An expression that is none, or that never fires; the message is for the person who wrote it. */
export class CronError extends Error {
  override readonly name = 'CronError';
}

const LONGEST_EXPRESSION = 1_000;
const FIRST_YEAR = 2026;
/** No field is a year, so what does not fire after this moment never does. */
const ANY_MOMENT = new Date(Date.UTC(FIRST_YEAR, 0, 1));

/**
 * Reads a standard cron expression of 5 or 6 fields (seconds first), or a name such as `@daily` (sheet: Schedules).
 * A schedule of fixed times fires once in an hour that the clock repeats, and right after a gap that its time fell
 * into; a schedule with `*` or steps in its time is an interval and goes on through both.
 *
 * @param timezone an IANA name.
 * @throws CronError
 */
export function compileCron(expression: string, timezone: string): CronSchedule {
  const key = keyOf(expression, timezone);
  const known = compiled.get(key);
  if (known) return known;
  refuseWrongShape(expression);
  if (!everFires(expression, timezone)) throw new CronError(`'${expression}' never fires`);
  const schedule = new SharedSchedule(expression, timezone);
  if (compiled.size >= MOST_COMPILED) compiled.clear();
  compiled.set(key, schedule);
  return schedule;
}

/** Looking an expression over takes 0.3 ms, and a policy's is compiled twice before it is applied. */
const MOST_COMPILED = 1_000;
/** By zone and expression: policies of one schedule share its handle, and ask it the same at the same time. */
const compiled = new Map<string, SharedSchedule>();

const keyOf = (expression: string, timezone: string): string => `${timezone} ${expression}`;

/** What the cron library would take for a date, or spend long on, and what it names less clearly. */
function refuseWrongShape(expression: string): void {
  if (expression.length > LONGEST_EXPRESSION) {
    throw new CronError(
      `a cron expression has at most ${LONGEST_EXPRESSION} characters, not ${expression.length}`,
    );
  }
  const trimmed = expression.trim();
  const fields = trimmed === '' ? [] : trimmed.split(/\s+/);
  if (fields.length === 1 && trimmed.startsWith('@')) return;
  if (fields.length !== 5 && fields.length !== 6) {
    throw new CronError(`'${expression}' has ${countOf(fields.length)}, a cron expression has 5 or 6`);
  }
}

const countOf = (fields: number): string => (fields === 1 ? '1 field' : `${fields} fields`);

/** What policies of one schedule keep: small, because there may be many. Remembers the last answer. */
class SharedSchedule implements CronSchedule {
  readonly #expression: string;
  readonly #timezone: string;
  #from = 0;
  #next: number | undefined;

  constructor(expression: string, timezone: string) {
    this.#expression = expression;
    this.#timezone = timezone;
  }

  nextAfter(epochMs: number): number | undefined {
    const isSameAnswer = this.#next !== undefined && epochMs >= this.#from && epochMs < this.#next;
    if (!isSameAnswer) {
      this.#from = epochMs;
      this.#next = searcherOf(this.#expression, this.#timezone).nextAfter(epochMs);
    }
    return this.#next;
  }
}

/** Searches one expression in one zone. */
class Searcher {
  readonly #cron: Cron;
  #everFires: boolean | undefined;

  constructor(cron: Cron) {
    this.#cron = cron;
  }

  get everFires(): boolean {
    this.#everFires ??= this.#cron.nextRun(ANY_MOMENT) !== null;
    return this.#everFires;
  }

  nextAfter(epochMs: number): number | undefined {
    return this.#cron.nextRun(new Date(epochMs))?.getTime();
  }
}

/** The library keeps 83 KB for each expression, and needs 80 us to make it again. */
const MOST_SEARCHERS = 128;
/** Those used last, by zone and expression, the latest at the end. */
const searchers = new Map<string, Searcher>();

function searcherFor(expression: string, timezone: string): Searcher {
  return new Searcher(cronOf(expression, timezone));
}

function searcherOf(expression: string, timezone: string): Searcher {
  const key = keyOf(expression, timezone);
  const known = searchers.get(key);
  if (known) searchers.delete(key);
  const searcher = known ?? searcherFor(expression, timezone);
  searchers.set(key, searcher);
  if (searchers.size > MOST_SEARCHERS) forgetOldest();
  return searcher;
}

function forgetOldest(): void {
  for (const oldest of searchers.keys()) {
    searchers.delete(oldest);
    return;
  }
}

/** An unknown zone shows only when a moment is searched for. */
function everFires(expression: string, timezone: string): boolean {
  try {
    // One that is only looked at is not kept: thousands of them would drive out those in use.
    const searcher = searchers.get(keyOf(expression, timezone)) ?? searcherFor(expression, timezone);
    return isOnTheClock(expression) && isInCalendar(expression) && searcher.everFires;
  } catch (fault) {
    throw new CronError(`'${expression}': ${reasonOf(fault)}`, { cause: fault });
  }
}

/** The library counts months from 0 when it names a wrong one. */
function reasonOf(fault: unknown): string {
  return messageOf(fault)
    .replace(/^Cron(Pattern|Date): /, '')
    .replace(/(Invalid value for month): -?\d+$/, '$1');
}

/** The days of the week fall on the same dates again after 28 years, February 29 included, until 2100. */
const ALL_CALENDARS = `${FIRST_YEAR}-${FIRST_YEAR + 27}`;
/** What is known of `DAY MONTH WEEKDAY`. */
const calendarDays = new Map<string, boolean>();

/** Whether a day has such a time: the library takes `305/7` for minutes, and would look for them on every day there is. */
function isOnTheClock(expression: string): boolean {
  const fields = fieldsOf(expression);
  if (fields.length === 1) return true;
  const time = fields.slice(0, -3).join(' ');
  return happens(`${fields.length === 5 ? '0 ' : ''}${time} 1 2 * ${FIRST_YEAR}`);
}

/** Whether there are such days: the library itself would look for February 30 through 400 years, in its zone. */
function isInCalendar(expression: string): boolean {
  const fields = fieldsOf(expression);
  if (fields.length === 1) return true;
  const days = fields.slice(-3).join(' ');
  const known = calendarDays.get(days);
  if (known !== undefined) return known;
  const isThere = happens(`0 0 0 ${days} ${ALL_CALENDARS}`);
  if (calendarDays.size >= MOST_SEARCHERS) calendarDays.clear();
  calendarDays.set(days, isThere);
  return isThere;
}

const fieldsOf = (expression: string): string[] => expression.trim().split(/\s+/);

/** Whether a pattern that ends with its years fires in them, in a zone without surprises. */
function happens(pattern: string): boolean {
  const options = { paused: true, timezone: 'UTC', mode: '7-part', sloppyRanges: true } as const;
  return new Cron(pattern, options).nextRun(ANY_MOMENT) !== null;
}

function cronOf(expression: string, timezone: string): Cron {
  return new Cron(expression, {
    paused: true,
    timezone,
    mode: '5-or-6-parts',
    sloppyRanges: true,
    fixedTimeRule: 'no-wildcard',
  });
}
