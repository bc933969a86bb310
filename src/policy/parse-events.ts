import { CHOMPING_MODE, EVENT_ID, type Event, parseEvents, YAMLException } from 'js-yaml';
import { MAX_DEPTH } from './limits.ts';

/** What the parser saw, and the text that its offsets are about. */
export interface ParsedEvents {
  readonly events: Event[];
  readonly source: string;
  /** Lines (from 0) that were moved to the right by `PADDING`. */
  readonly paddedLines: ReadonlySet<number>;
}

/** Deeper than people indent. */
export const PADDING = 400;
/** Every padded line costs another parse: no more characters than these in all. */
const MAX_PARSED = 4_000_000;

/**
 * Parses where upstream does and the YAML library would not: in braces, brackets and quotes the lines of upstream's
 * documents may stand as far to the left as they like. Tabs are blanks after a colon.
 *
 * @throws YAMLException
 */
export function parseLikeUpstream(original: string): ParsedEvents {
  const paddedLines = new Set<number>();
  let source = original;
  for (let parsed = source.length; ; parsed += source.length) {
    try {
      const events = parseEvents(source, { maxDepth: MAX_DEPTH });
      endWithoutLineBreak(events, source);
      return { events, source, paddedLines };
    } catch (fault) {
      const mended = parsed < MAX_PARSED ? mend(fault, source, paddedLines) : undefined;
      if (mended === undefined) throw fault;
      source = mended;
    }
  }
}

/** The text with the line moved that the library stopped at, or its tab made a blank; undefined: upstream stops, too. */
function mend(fault: unknown, source: string, paddedLines: Set<number>): string | undefined {
  if (!(fault instanceof YAMLException) || fault.reason !== 'deficient indentation' || !fault.mark)
    return undefined;
  const { line, position, column } = fault.mark;
  const start = position - column;
  const before = source.slice(start, position);
  const tabs = /[:,[{?-]([ \t]*\t)[^\t]*$/d.exec(before)?.indices?.[1];
  if (tabs) return blankOut(source, start + tabs[0], start + tabs[1]);
  const isRefused = /[^ ]/.test(before) || /^(?:---|\.\.\.)/.test(source.slice(start, start + 3));
  if (isRefused || paddedLines.has(line)) return undefined;
  paddedLines.add(line);
  return source.slice(0, start) + ' '.repeat(PADDING) + source.slice(start);
}

const blankOut = (text: string, from: number, to: number): string =>
  text.slice(0, from) + ' '.repeat(to - from) + text.slice(to);

/** The library ends a block of text with a line break even where the document ends without one; upstream does not. */
function endWithoutLineBreak(events: readonly Event[], source: string): void {
  const last = events.findLast((event) => event.type === EVENT_ID.SCALAR);
  const isOpenEnded = last?.valueEnd === source.length && !/[\r\n]$/.test(source);
  if (last && isOpenEnded) last.chomping = CHOMPING_MODE.STRIP;
}
