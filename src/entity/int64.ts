const DIGITS = /^-?\d{1,30}$/;

/** The integer that an author meant: a safe number, or a bigint within 64 bits; undefined when it is neither. */
export function readInt64(value: unknown): number | bigint | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value : undefined;
  if (typeof value === 'string') return DIGITS.test(value) ? inRange(BigInt(value)) : undefined;
  return typeof value === 'bigint' ? inRange(value) : undefined;
}

function inRange(value: bigint): bigint | undefined {
  return BigInt.asIntN(64, value) === value ? value : undefined;
}
