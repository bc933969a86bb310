import { types } from 'node:util';

/** A moment as protobuf has it: `nanos` counts up from `seconds`, before 1970 too. */
export interface Timestamp {
  readonly seconds: number;
  readonly nanos: number;
}

// 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z.
const FIRST_SECOND = -62_135_596_800;
const LAST_SECOND = 253_402_300_799;

const RFC_3339 =
  /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;

/** Reads a Date or an RFC 3339 text of the years 1 to 9999; undefined when it is neither. */
export function readTimestamp(value: unknown): Timestamp | undefined {
  const moment =
    typeof value === 'string' ? parseText(value) : types.isDate(value) ? fromDate(value) : undefined;
  if (!moment || moment.seconds < FIRST_SECOND || moment.seconds > LAST_SECOND) return undefined;
  return moment;
}

function fromDate(date: Date): Timestamp | undefined {
  const epochMs = Date.prototype.getTime.call(date);
  return Number.isNaN(epochMs) ? undefined : fromEpochMs(epochMs);
}

/** The moment this many whole milliseconds after the Unix epoch. */
export function fromEpochMs(epochMs: number): Timestamp {
  const seconds = Math.floor(epochMs / 1000);
  return { seconds, nanos: (epochMs - seconds * 1000) * 1_000_000 };
}

function parseText(text: string): Timestamp | undefined {
  const match = RFC_3339.exec(text);
  if (!match) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map(Number);
  const [fraction = '', sign, offsetHours = '0', offsetMinutes = '0'] = match.slice(7);
  if (hour > 23 || minute > 59 || second > 59 || Number(offsetHours) > 23 || Number(offsetMinutes) > 59) {
    return undefined;
  }
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined;
  const offsetSeconds = (Number(offsetHours) * 60 + Number(offsetMinutes)) * (sign === '-' ? -60 : 60);
  return {
    seconds: date.setUTCHours(hour, minute, second) / 1000 - offsetSeconds,
    nanos: Number(fraction.padEnd(9, '0')),
  };
}
