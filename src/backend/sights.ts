import { realpath, stat } from 'node:fs/promises';

/** What was seen of the files on a search's way: as long as none of them looks different, it would end the same. */
export class Sights {
  readonly #seen = new Map<string, string>();

  /** Looks at a file, or at where there is none. Call it before the file is read: a change meanwhile then shows. */
  async note(file: string): Promise<void> {
    this.#seen.set(file, await lookAt(file));
  }

  /** Whether all of them look as they did, asked side by side. */
  async areSame(): Promise<boolean> {
    const looks = await Promise.all(
      Array.from(this.#seen, async ([file, before]) => (await lookAt(file)) === before),
    );
    return !looks.includes(false);
  }
}

/** Where links lead to, and the time of the inode's last change, which cannot be set back; or why it cannot be seen. */
async function lookAt(file: string): Promise<string> {
  try {
    const [real, { ctimeMs, size, ino }] = await Promise.all([realpath(file), stat(file)]);
    return `${real} ${ctimeMs} ${size} ${ino}`;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unknown';
  }
}
