import { BadRequestError } from '../errors.ts';

/** Levels of maps and lists, written or made by aliases. */
export const MAX_DEPTH = 100;
/** Values of all policies of a document, each alias counted as what it stands for. */
export const MAX_VALUES = 500_000;
/** Characters of all texts and keys of a document, each alias counted as what it stands for. */
export const MAX_CHARACTERS = 32 * 1024 * 1024;
/** Keys that `<<` may copy in one document. */
export const MAX_MERGED_KEYS = 200_000;

/** Reading one takes up to 0.1 ms, most of it its schedule. */
export const MAX_POLICIES = 10_000;
/** More than a person reads; a schedule or zone that is refused takes up to 0.5 ms. */
export const MAX_ROWS = 1_000;

/**
 * The parser stops the event loop for about a microsecond for each value, and keeps 100 bytes for it. How many there
 * are is not known before it has run, but each begins at one of these: a line, a comma, a colon, a bracket, a dash or
 * question mark further on in a line. Escapes in quoted text cost as much.
 */
const MAX_VALUE_STARTS = 200_000;

const TAB = 9;
const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;
const BLANK = 32;
const DOUBLE_QUOTE = 34;
const QUOTE = 39;
const COMMA = 44;
const DASH = 45;
const COLON = 58;
const QUESTION_MARK = 63;
const LEFT_BRACKET = 91;
const BACKSLASH = 92;
const LEFT_BRACE = 123;

/**
 * Refuses what would keep the parser busy for too long.
 *
 * @throws BadRequestError
 */
export function refuseTooManyValues(text: string): void {
  if (text.length <= MAX_VALUE_STARTS) return;
  let starts = 0;
  let isLineEmpty = true;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === BLANK || code === TAB) continue;
    if (isStart(code, isLineEmpty, text, index)) starts++;
    isLineEmpty = code === LINE_FEED || code === CARRIAGE_RETURN;
  }
  if (starts > MAX_VALUE_STARTS) throw tooLarge();
}

function isStart(code: number, isLineEmpty: boolean, text: string, index: number): boolean {
  switch (code) {
    case LINE_FEED:
    case COMMA:
    case LEFT_BRACKET:
    case LEFT_BRACE:
    case BACKSLASH:
      return true;
    case CARRIAGE_RETURN:
      return text.charCodeAt(index + 1) !== LINE_FEED;
    case COLON:
      return text.charCodeAt(index + 1) <= BLANK || isQuote(text.charCodeAt(index - 1));
    case QUOTE:
      return text.charCodeAt(index + 1) === QUOTE;
    case DASH:
    case QUESTION_MARK:
      return !isLineEmpty && text.charCodeAt(index + 1) <= BLANK;
    default:
      return false;
  }
}

const isQuote = (code: number): boolean => code === QUOTE || code === DOUBLE_QUOTE;

function tooLarge(): BadRequestError {
  return new BadRequestError(
    `the document has more than ${MAX_VALUE_STARTS.toLocaleString('en')} lines and values: send it in parts`,
  );
}
