import { InvalidYamlError } from './decode.ts';

// How YAML 1.1 reads plain scalars, as the Python worker's library does (sheet: Policy document).

/** Most integers: what JavaScript reads alike. */
const SHORT_INTEGER = /^(?:0|-?[1-9][0-9]{0,14})$/;
const INTEGER = /^[-+]?(?:0b[01_]+|0x[0-9a-fA-F_]+|0[0-7_]+|0|[1-9][0-9_]*(?::[0-5]?[0-9])+|[1-9][0-9_]*)$/;
const FLOAT =
  /^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*)$/;
const INFINITE = /^([-+]?)\.(?:inf|Inf|INF)$/;
const NOT_A_NUMBER = /^\.(?:nan|NaN|NAN)$/;
const DATE =
  /^[0-9]{4}-(?:[0-9]{2}-[0-9]{2}|[0-9]{1,2}-[0-9]{1,2}(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?(?:[ \t]*(?:Z|[-+][0-9]{1,2}(?::[0-9]{2})?))?)$/;
/** What is a number in YAML 1.2, in JSON or to the eye. */
const NUMBER_ELSEWHERE = /^(?:[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|0o[0-7]+)$/;

/** The longest decimal that the Python worker reads. */
const MAX_DIGITS = 4_300;
/** Signs and underscores included. */
const MAX_NUMBER_LENGTH = 10_000;

const BOOLEANS: ReadonlyMap<string, boolean> = new Map(
  ['yes', 'true', 'on', 'no', 'false', 'off'].flatMap((word, index) => {
    const capital = word.charAt(0).toUpperCase() + word.slice(1);
    return [word, capital, word.toUpperCase()].map((spelling) => [spelling, index < 3] as const);
  }),
);

export function readBoolean(text: string): boolean | undefined {
  return BOOLEANS.get(text);
}

/**
 * A bigint where a number would lose digits.
 *
 * @throws BadRequestError for more digits than upstream reads, and for none after `0x`.
 */
export function readInteger(text: string): number | bigint | undefined {
  if (SHORT_INTEGER.test(text)) return Number(text);
  if (text.length > MAX_NUMBER_LENGTH) return refuseLongInteger(text);
  if (!INTEGER.test(text)) return undefined;
  const digits = text.replace(/^[-+]|_/g, '');
  if (digits.length > MAX_DIGITS) throw new InvalidYamlError(`an integer of ${digits.length} digits`);
  if (digits === '0x' || digits === '0b') throw new InvalidYamlError(`${text} has no digits`);
  const size = magnitudeOf(digits);
  return asNumber(text.startsWith('-') ? -size : size);
}

/** A look at its start is enough: text of megabytes is not searched. */
function refuseLongInteger(text: string): undefined {
  if (INTEGER.test(text.slice(0, MAX_NUMBER_LENGTH)))
    throw new InvalidYamlError(`an integer of ${text.length} characters`);
}

const asNumber = (value: bigint): number | bigint => {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
};

function magnitudeOf(digits: string): bigint {
  if (/^0[bx]/.test(digits)) return BigInt(digits);
  if (digits.includes(':')) {
    return digits.split(':').reduce((sum, part) => sum * 60n + BigInt(part), 0n);
  }
  return digits.startsWith('0') ? BigInt(`0o${digits}`) : BigInt(digits);
}

function readFloat(text: string): number | undefined {
  if (text.length > MAX_NUMBER_LENGTH) return undefined;
  const infinite = INFINITE.exec(text);
  if (infinite) return infinite[1] === '-' ? -Infinity : Infinity;
  if (NOT_A_NUMBER.test(text)) return Number.NaN;
  if (!FLOAT.test(text)) return undefined;
  const isNegative = text.startsWith('-');
  const digits = text.replace(/^[-+]|_/g, '');
  const size = digits.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
  return isNegative ? -size : size;
}

export function isDate(text: string): boolean {
  return DATE.test(text);
}

/** The value of a plain scalar that starts with a sign, a digit or a dot; undefined for text. */
export function readNumber(text: string): number | bigint | undefined {
  return readInteger(text) ?? readFloat(text);
}

/**
 * What a reader may not expect of this plain scalar, and how to write what was perhaps meant; undefined where there
 * is nothing to say.
 */
export function surpriseOf(text: string): string | undefined {
  const boolean = readBoolean(text);
  if (boolean !== undefined) {
    const isPlain = text.toLowerCase() === String(boolean);
    return isPlain ? undefined : `${text} is read as ${boolean}: write ${boolean}, or '${text}' for the text`;
  }
  const integer = readInteger(text);
  if (integer !== undefined) return surpriseOfInteger(text, integer);
  if (text.length > MAX_NUMBER_LENGTH) return undefined;
  if (/[_:]/.test(text)) {
    const float = readFloat(text);
    if (float !== undefined) return `${text} is read as ${float}: write '${text}' for the text`;
  }
  if (isDate(text)) return `${text} is a date to the Python worker and text here: write '${text}' for both`;
  if (NUMBER_ELSEWHERE.test(text) && readFloat(text) === undefined) {
    return `${text} is read as text: write '${text}' for the text, or the number in another way`;
  }
  return undefined;
}

function surpriseOfInteger(text: string, value: number | bigint): string | undefined {
  if (typeof value === 'bigint') {
    return `${shorten(text)} is larger than a number holds exactly: it reaches the backend as a bigint, write it in quotes for the text`;
  }
  const isAsWritten = /^[-+]?(?:0|[1-9][0-9]*|0x[0-9a-fA-F]+)$/.test(text);
  return isAsWritten ? undefined : `${text} is read as ${value}: write ${value}, or '${text}' for the text`;
}

const shorten = (text: string): string => (text.length > 40 ? `${text.slice(0, 37)}...` : text);
