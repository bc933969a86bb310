const LONGEST_TEXT = 40;

/** A text in quotes, on one line, cut when it is long. */
export function quoteShort(text: string): string {
  const short = text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}…` : text;
  return JSON.stringify(short);
}

/** What a value is, in a few words for an error message; never throws, whatever the value does when it is looked at. */
export function describeValue(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return `the string ${quoteShort(value)}`;
    case 'number':
      return `the number ${Object.is(value, -0) ? '-0' : value}`;
    case 'bigint':
      return describeBigint(value);
    case 'boolean':
    case 'undefined':
      return String(value);
    case 'symbol':
      return 'a symbol';
    case 'function':
      return 'a function';
    case 'object':
      return value === null ? 'null' : describeObject(value);
  }
}

function describeBigint(value: bigint): string {
  const outsideOf64Bits = BigInt.asIntN(64, value) !== value;
  return outsideOf64Bits ? 'a bigint of more than 64 bits' : `the bigint ${value}`;
}

function describeObject(value: object): string {
  try {
    if (Array.isArray(value)) return 'a list';
    const name: unknown = Object.getPrototypeOf(value)?.constructor?.name;
    if (typeof name !== 'string' || name === '' || name === 'Object') return 'an object';
    return `${/^[aeiou]/i.test(name) ? 'an' : 'a'} ${name.slice(0, LONGEST_TEXT)}`;
  } catch {
    return 'an object';
  }
}
