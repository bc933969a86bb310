import { parseDuration } from '../policy/duration.ts';

/** One flag and its variable, declared once; flag, help and environment all come of it. */
export interface OptionKind<Value> {
  /** One letter. */
  readonly short?: string;
  /** What stands for the value in the help; undefined: the flag takes none. */
  readonly placeholder?: string;
  readonly help: string;
  /** The default, as the help shows it. */
  readonly shownDefault?: string;
  /** Its value is a credential: nothing of it may be echoed. */
  readonly credential?: boolean;
  /** An empty variable is a fault, too. */
  readonly isNeverAbsent?: boolean;
  readonly fallback: Value;
  /**
   * Reads what the flag was given, once for each time it stood on the line; undefined: as absent.
   * Throws an {@link InvalidValue}.
   */
  read(texts: readonly string[], env: NodeJS.ProcessEnv): Value | undefined;
  /** The same for the variable, which is not empty but where {@link isNeverAbsent}. */
  readVariable(text: string, env: NodeJS.ProcessEnv): Value | undefined;
}

/** A value that its option cannot take; the message leaves out which option. */
export class InvalidValue extends Error {
  override readonly name = 'InvalidValue';
}

export type Words = Pick<
  OptionKind<unknown>,
  'short' | 'placeholder' | 'help' | 'shownDefault' | 'credential'
>;

/** Text; an empty one is as absent. */
export function text<Fallback extends string | undefined>(
  words: Words & { fallback: Fallback },
): OptionKind<string | Fallback> {
  return single(words, (value) => value || undefined);
}

/** Where to listen, or what to reach; an IPv6 address may be written as in a URL, in brackets. */
export function hostName(words: Words & { fallback: string }): OptionKind<string> {
  return single(words, (value) => value.replace(/^\[(.+)\]$/, '$1') || undefined);
}

/** Text that may be `${NAME}` as a whole, and then comes from the environment (sheet: Command line). */
export function reference(words: Words): OptionKind<string | undefined> {
  return single({ ...words, fallback: undefined }, (value, env) => {
    const name = referencedVariable(value);
    return (name === undefined ? value : (env[name] ?? value)) || undefined;
  });
}

/** The path of a file on which the safety of the API depends: an empty one is a fault, not absent. */
export function lockFile(words: Words): OptionKind<string | undefined> {
  const kind = single({ ...words, fallback: undefined }, (value) => {
    if (value.trim() === '' || value.includes('\0')) throw new InvalidValue('a path is needed');
    return value;
  });
  return { ...kind, isNeverAbsent: true };
}

/** The NAME of `${NAME}`. */
export function referencedVariable(value: string): string | undefined {
  return value.startsWith('${') && value.endsWith('}') ? value.slice(2, -1) : undefined;
}

/** Whole numbers as Python's `int()` reads them. */
const INTEGER = /^\s*[+-]?\d+(?:_\d+)*\s*$/;

export function integer(words: Words & { fallback: number; min: number; max?: number }): OptionKind<number> {
  const { min, max = Number.MAX_SAFE_INTEGER } = words;
  return single(words, (value) => {
    if (!INTEGER.test(value)) throw new InvalidValue(`invalid int value: '${value}'`);
    const number = Number(value.replaceAll('_', ''));
    if (number >= min && number <= max) return number;
    const range = words.max === undefined ? `at least ${min}` : `from ${min} to ${max}`;
    throw new InvalidValue(`invalid int value: '${value}' (must be ${range})`);
  });
}

/** `90s`, `5m`, `1h30m`, or a number of seconds; its value is milliseconds. */
export function duration<Fallback extends number | undefined>(
  words: Words & { fallback: Fallback; minMs: number },
): OptionKind<number | Fallback> {
  return single(words, (value) => {
    const ms = durationOrNaN(value);
    if (ms >= words.minMs) return ms;
    const hint = Number.isNaN(ms) ? 'such as 90s, 5m or 1h30m' : `must be at least ${words.minMs}ms`;
    throw new InvalidValue(`invalid duration value: '${value}' (${hint})`);
  });
}

function durationOrNaN(value: string): number {
  try {
    return parseDuration(value);
  } catch {
    return Number.NaN;
  }
}

export function choice<Choice extends string>(
  words: Words & { fallback: Choice; choices: readonly Choice[] },
): OptionKind<Choice> {
  return single(words, (value) => {
    const found = words.choices.find((choice) => choice === value);
    if (found !== undefined) return found;
    const choices = words.choices.map((choice) => `'${choice}'`).join(', ');
    throw new InvalidValue(`invalid choice: '${value}' (choose from ${choices})`);
  });
}

/** May be given several times; its variable lists the values with `:` between them. */
export function list(words: Words): OptionKind<readonly string[]> {
  const read = (texts: readonly string[]): readonly string[] | undefined => {
    const values = texts.filter((value) => value !== '');
    return values.length === 0 ? undefined : values;
  };
  return { ...words, fallback: [], read, readVariable: (value) => read(value.split(':')) };
}

const YES = ['true', '1', 'yes', 'on'];
const NO = ['false', '0', 'no', 'off'];

/** On when its flag is given; its variable says yes or no. */
export function toggle(words: Omit<Words, 'placeholder'>): OptionKind<boolean> {
  return {
    ...words,
    fallback: false,
    read: () => true,
    readVariable: (value) => {
      const word = value.trim().toLowerCase();
      if (YES.includes(word)) return true;
      if (NO.includes(word)) return false;
      throw new InvalidValue(`invalid boolean value: '${value}' (true or false)`);
    },
  };
}

/** The last one counts. */
function single<Value, Fallback>(
  words: Words & { fallback: Fallback },
  readOne: (value: string, env: NodeJS.ProcessEnv) => Value | undefined,
): OptionKind<Value | Fallback> {
  return {
    ...words,
    read: (texts, env) => readOne(texts.at(-1) ?? '', env),
    readVariable: readOne,
  };
}
