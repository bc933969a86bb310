/** What may be kept. */
export interface StateBounds {
  /** Runs of one policy. */
  readonly historyRuns: number;
  /** How long runs are kept after their end. */
  readonly historyAgeMs: number;
  /** What the data file and its log may take on disk. */
  readonly dataMaxBytes: number;
}

/** What the log of changes (WAL) may take, whatever else is kept. */
const MOST_LOG_BYTES = 64 * 1024 * 1024;
/** Waiting batches never take more of the rest than this, so that their own settling, policies and runs have room. */
const SPOOL_SHARE = 0.75;
/** Dead letters never take more of it than this. */
const LETTER_SHARE = 0.25;
/** What is not needed any more begins to go away when more than this share is taken ... */
const DROP_ABOVE = 0.9;
/** ... until no more than this is. */
const DROP_UNTIL = 0.82;

/** `dataMaxBytes`, divided among those who need room. All in bytes. */
export interface Shares {
  readonly log: number;
  /** The content of the data file. */
  readonly content: number;
  readonly spool: number;
  readonly letters: number;
  readonly dropAbove: number;
  readonly dropUntil: number;
}

export function sharesOf(dataMaxBytes: number): Shares {
  const log = Math.min(MOST_LOG_BYTES, Math.floor(dataMaxBytes / 4));
  const content = dataMaxBytes - log;
  return {
    log,
    content,
    spool: Math.floor(content * SPOOL_SHARE),
    letters: Math.floor(content * LETTER_SHARE),
    dropAbove: Math.floor(content * DROP_ABOVE),
    dropUntil: Math.floor(content * DROP_UNTIL),
  };
}
