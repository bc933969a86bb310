import type { Kinds, Line } from '../read-line.ts';

/** What a command is given beside its line. */
export interface CommandSurroundings {
  readonly env: NodeJS.ProcessEnv;
  /** Writes to standard output; a line end is added. */
  readonly print: (text: string) => void;
}

/** Something that the program does instead of being a daemon. */
export interface Command {
  /** `trace`. */
  readonly name: string;
  /** What follows the name: `[options] RUN`. */
  readonly usage: string;
  /** For its help page. */
  readonly description: string;
  readonly kinds: Kinds;
  readonly mostWords: number;
  /** Throws a `StartError`: of exit status 2 for a line that cannot be meant, of 1 for a world that is not as it says. */
  run(line: Pick<Line, 'given' | 'words'>, surroundings: CommandSurroundings): Promise<void>;
}

type Load = () => Promise<Command>;

const loaders: Readonly<Record<string, Load>> = {
  trace: async () => (await import('./trace.ts')).traceCommand,
  doctor: async () => (await import('./doctor.ts')).doctorCommand,
  'dead-letters': async () => (await import('./dead-letters.ts')).deadLettersCommand,
};

/** For the help of the program. */
export const commandNames: readonly string[] = Object.keys(loaders);

/** The command of this name, to be loaded; undefined when it is none. */
export function commandNamed(name: string | undefined): Load | undefined {
  return name !== undefined && Object.hasOwn(loaders, name) ? loaders[name] : undefined;
}
