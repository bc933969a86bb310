import { stat } from 'node:fs/promises';

/** One way to look at a file: resolves with all that matters of it. */
type Look = (file: string) => Promise<string>;

interface Sight {
  readonly before: string;
  readonly lookAgain: () => Promise<string>;
}

/** What was seen on a search's way: as long as nothing looks different, it would end the same. */
export class Sights {
  readonly #sights: Sight[] = [];

  /** Looks at a file, or at where there is none. Call it before the file is read: a change meanwhile then shows. */
  async note(file: string, look: Look = stateOf): Promise<void> {
    const lookAgain = (): Promise<string> => look(file).catch(codeOf);
    this.#sights.push({ before: await lookAgain(), lookAgain });
  }

  /** Whether all of it looks as it did, asked side by side. */
  async areSame(): Promise<boolean> {
    const looks = this.#sights.map(async ({ before, lookAgain }) => (await lookAgain()) === before);
    return !(await Promise.all(looks)).includes(false);
  }
}

/** Another text means that the file was changed: the time of an inode's last change cannot be set back. */
export async function stateOf(file: string): Promise<string> {
  const { ctimeMs, size, ino } = await stat(file);
  return `${ctimeMs} ${size} ${ino}`;
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown';
}
