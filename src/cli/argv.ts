/** What of an option matters for finding it on the command line. */
export interface ArgvFlag {
  /** Which option it is. */
  readonly key: string;
  /** `--port`. */
  readonly long: string;
  /** `-p`. */
  readonly short: string | undefined;
  readonly takesValue: boolean;
  /** Nothing that may be its value is echoed. */
  readonly credential: boolean;
  /** Nothing after it is looked at: help, version. */
  readonly ends?: boolean;
}

/** A flag that stood on the line. */
export interface TakenFlag {
  readonly flag: ArgvFlag;
  /** undefined for a flag that takes none. */
  readonly value: string | undefined;
}

export interface ArgvReading {
  /** In order, up to what ended the line. */
  readonly taken: readonly TakenFlag[];
  /** The flag that ended it. */
  readonly endedBy: ArgvFlag | undefined;
  /** What stood there beside flags, as far as it was wanted. */
  readonly words: readonly string[];
  /** What is wrong with the rest, in upstream's words. */
  readonly fault: string | undefined;
}

type Token =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'separator' }
  | { readonly kind: 'unknown'; readonly text: string }
  | {
      readonly kind: 'flag';
      readonly flag: ArgvFlag;
      /** What stood in the same word: `x` of `--flag=x`, `-fx` and `-f=x`. */
      readonly attached: string | undefined;
      readonly isCluster: boolean;
    };

type FlagToken = Extract<Token, { kind: 'flag' }>;
type Stray = Exclude<Token, FlagToken>;

class ArgvFault extends Error {
  override readonly name = 'ArgvFault';
}

/** Stands for a word that may be a secret. */
const HIDDEN = '...';
const NEGATIVE_NUMBER = /^-\d+$|^-\d*\.\d+$/;

/**
 * Reads a command line as Python's argparse does, which the agent and people's scripts are used to: `--flag=value`,
 * shortened flags, `-p8071`, `-dp8071`; a word that begins with `-` is no value unless it is a number or has a blank.
 * Never throws.
 *
 * @param mostWords how many words that belong to no flag are wanted; `--` stands before some that begin with `-`
 */
export function readArgv(argv: readonly string[], flags: readonly ArgvFlag[], mostWords = 0): ArgvReading {
  const taken: TakenFlag[] = [];
  const words: string[] = [];
  let fault: string | undefined;
  try {
    const strays = takeFlags(classifyAll(argv, flags), flags, taken, (token) => {
      if (token.kind !== 'text') return token.kind === 'separator' && mostWords > 0;
      return words.length < mostWords && words.push(token.text) > 0;
    });
    if (strays.length > 0) fault = `unrecognized arguments: ${strays.join(' ')}`;
  } catch (error) {
    if (!(error instanceof ArgvFault)) throw error;
    fault = error.message;
  }
  const end = taken.findIndex(({ flag }) => flag.ends === true);
  if (end === -1) return { taken, endedBy: undefined, words, fault };
  return { taken: taken.slice(0, end), endedBy: taken[end]?.flag, words, fault: undefined };
}

/** Adds what it finds to `taken`, and returns what belongs to no flag and is not wanted, as it may be shown. */
function takeFlags(
  tokens: readonly Token[],
  flags: readonly ArgvFlag[],
  taken: TakenFlag[],
  isWanted: (token: Stray) => boolean,
): string[] {
  const strays: string[] = [];
  let isValue = false;
  let mayBeSecret = false;
  for (const [at, token] of tokens.entries()) {
    if (isValue) isValue = false;
    else if (token.kind === 'flag') {
      const word = readWord(token, tokens[at + 1], flags);
      taken.push(...word.taken);
      isValue = word.usedNext;
      mayBeSecret ||= word.taken.some(({ flag }) => flag.credential);
    } else if (!isWanted(token)) {
      strays.push(shownStray(token, mayBeSecret));
      mayBeSecret ||= token.kind === 'unknown';
    }
  }
  return strays;
}

/** A word behind a credential may be the rest of it; one behind or in an unknown flag, its value. */
function shownStray(token: Stray, mayBeSecret: boolean): string {
  switch (token.kind) {
    case 'separator':
      return '--';
    case 'text':
      return mayBeSecret ? HIDDEN : token.text;
    case 'unknown':
      if (token.text.startsWith('--')) return splitAtEquals(token.text)[0];
      return token.text.length <= 2 ? token.text : `${token.text.slice(0, 2)}${HIDDEN}`;
  }
}

function classifyAll(argv: readonly string[], flags: readonly ArgvFlag[]): readonly Token[] {
  const separator = argv.indexOf('--');
  const end = separator === -1 ? argv.length : separator;
  return argv.map((text, at) => {
    if (at === separator) return { kind: 'separator' };
    return at < end ? classify(text, flags) : { kind: 'text', text };
  });
}

function classify(text: string, flags: readonly ArgvFlag[]): Token {
  if (!text.startsWith('-') || text === '-') return { kind: 'text', text };
  const [name, attached] = splitAtEquals(text);
  const exact = flags.find(({ long, short }) => long === name || short === name);
  if (exact !== undefined) return { kind: 'flag', flag: exact, attached, isCluster: !text.startsWith('--') };
  const guess = text.startsWith('--') ? shortened(name, attached, flags) : cluster(text, flags);
  if (guess !== undefined) return guess;
  if (NEGATIVE_NUMBER.test(text) || text.includes(' ')) return { kind: 'text', text };
  return { kind: 'unknown', text };
}

function splitAtEquals(text: string): [name: string, attached: string | undefined] {
  const at = text.indexOf('=');
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

function shortened(
  name: string,
  attached: string | undefined,
  flags: readonly ArgvFlag[],
): FlagToken | undefined {
  const [flag, ...others] = flags.filter(({ long }) => long.startsWith(name));
  if (flag === undefined) return undefined;
  if (others.length === 0) return { kind: 'flag', flag, attached, isCluster: false };
  const matches = [flag, ...others].map(({ long }) => long).join(', ');
  throw new ArgvFault(`ambiguous option: ${name} could match ${matches}`);
}

function cluster(text: string, flags: readonly ArgvFlag[]): FlagToken | undefined {
  const flag = flags.find(({ short }) => short === text.slice(0, 2));
  return flag && { kind: 'flag', flag, attached: text.slice(2), isCluster: true };
}

/** Reads one word that names a flag, or several short ones, and the value that may follow. */
function readWord(
  token: FlagToken,
  next: Token | undefined,
  flags: readonly ArgvFlag[],
): { taken: readonly TakenFlag[]; usedNext: boolean } {
  const taken: TakenFlag[] = [];
  let { flag, attached } = token;
  while (attached !== undefined && !flag.takesValue) {
    const letter = `-${attached.charAt(0)}`;
    const following = token.isCluster ? flags.find(({ short }) => short === letter) : undefined;
    if (following === undefined) throw faultOf(flag, `ignored explicit argument '${attached}'`);
    taken.push({ flag, value: undefined });
    flag = following;
    attached = attached.slice(1) || undefined;
  }
  if (!flag.takesValue || attached !== undefined) {
    return { taken: [...taken, { flag, value: attached }], usedNext: false };
  }
  if (next?.kind !== 'text') throw faultOf(flag, 'expected one argument');
  return { taken: [...taken, { flag, value: next.text }], usedNext: true };
}

function faultOf({ long, short }: ArgvFlag, what: string): ArgvFault {
  return new ArgvFault(`argument ${short === undefined ? '' : `${short}/`}${long}: ${what}`);
}
