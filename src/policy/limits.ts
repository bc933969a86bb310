import { BadRequestError } from '../errors.ts';

/** Levels of maps and lists, written or made by aliases. */
export const MAX_DEPTH = 100;
/** Values of all policies of a document, each alias counted as what it stands for. */
export const MAX_VALUES = 500_000;
/** Characters of all texts and keys of a document, each alias counted as what it stands for. */
export const MAX_CHARACTERS = 32 * 1024 * 1024;
/** Keys that `<<` may copy in one document. */
export const MAX_MERGED_KEYS = 200_000;

/**
 * The parser stops the event loop for about a microsecond for each node, and keeps 100 bytes for it. Nodes are not
 * known before it has run, but each begins at one of these: a line, a comma, a bracket, a dash or question mark
 * further on in a line.
 */
const MAX_NODE_STARTS = 200_000;

const TAB = 9;
const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;
const BLANK = 32;
const COMMA = 44;
const DASH = 45;
const QUESTION_MARK = 63;
const LEFT_BRACKET = 91;
const LEFT_BRACE = 123;

/**
 * Refuses what would keep the parser busy for too long.
 *
 * @throws BadRequestError
 */
export function refuseTooManyNodes(text: string): void {
  if (text.length <= MAX_NODE_STARTS) return;
  let starts = 0;
  let isLineEmpty = true;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === BLANK || code === TAB) continue;
    if (code === LINE_FEED || code === CARRIAGE_RETURN) {
      if (code === LINE_FEED || text.charCodeAt(index + 1) !== LINE_FEED) starts++;
      isLineEmpty = true;
      continue;
    }
    const isIndicator = code === DASH || code === QUESTION_MARK;
    if (code === COMMA || code === LEFT_BRACKET || code === LEFT_BRACE) starts++;
    else if (isIndicator && !isLineEmpty && text.charCodeAt(index + 1) <= BLANK) starts++;
    isLineEmpty = false;
  }
  if (starts > MAX_NODE_STARTS) throw tooLarge();
}

function tooLarge(): BadRequestError {
  return new BadRequestError(
    `the document has more than ${MAX_NODE_STARTS.toLocaleString('en')} lines and values: send it in parts`,
  );
}
