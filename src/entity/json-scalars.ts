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

/** Nanoseconds of a second with their point: 0, 3, 6 or 9 digits. */
export function fractionText(nanos: number): string {
  if (nanos === 0) return '';
  const digits = String(nanos).padStart(9, '0');
  if (nanos % 1_000_000 === 0) return `.${digits.slice(0, 3)}`;
  return nanos % 1000 === 0 ? `.${digits.slice(0, 6)}` : `.${digits}`;
}

/** A whole second as RFC 3339 has it, without fraction and zone. */
export function secondText(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 19);
}
