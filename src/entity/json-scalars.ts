import type { Timestamp } from './timestamp.ts';

/** A double as proto3 JSON writes it: `12.0`, `-0.5`, `1e+21`, `"NaN"`. */
export function doubleText(value: number): string {
  if (!Number.isFinite(value)) return `"${value}"`;
  const text = Object.is(value, -0) ? '-0' : String(value);
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
}

/** A text with its quotes; everything but printable ASCII is escaped. */
export function stringText(text: string): string {
  return JSON.stringify(text).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Moments as {@link momentText} has them; the last one is remembered, because many entities have the same. */
export class MomentBytes {
  private seconds = Number.NaN;
  private nanos = 0;
  private bytes = Buffer.alloc(0);

  of(moment: Timestamp): Buffer {
    const { seconds, nanos } = moment;
    if (seconds === this.seconds && nanos === this.nanos) return this.bytes;
    this.seconds = seconds;
    this.nanos = nanos;
    this.bytes = Buffer.from(momentText(moment));
    return this.bytes;
  }
}

/** A moment in RFC 3339, with its quotes. */
export function momentText({ seconds, nanos }: Timestamp): string {
  const second = new Date(seconds * 1000).toISOString().slice(0, 'yyyy-mm-ddThh:mm:ss'.length);
  return `"${second}${fractionText(nanos)}Z"`;
}

/** Nanoseconds of a second with their point: 0, 3, 6 or 9 digits. */
function fractionText(nanos: number): string {
  if (nanos === 0) return '';
  const digits = String(nanos).padStart(9, '0');
  if (nanos % 1_000_000 === 0) return `.${digits.slice(0, 3)}`;
  return nanos % 1000 === 0 ? `.${digits.slice(0, 6)}` : `.${digits}`;
}
