import { randomUUID } from 'node:crypto';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { messageOf } from '../../errors.ts';
import { SinkError } from '../contract.ts';
import { dryRunFileName } from './file-name.ts';

/** Those that go by themselves when other files are closed. */
const PASSING = ['EMFILE', 'ENFILE'];
const REASONS: Record<string, string> = {
  ENOSPC: 'no space left on the device',
  EDQUOT: 'the disk quota is used up',
  EROFS: 'the file system is read-only',
  EACCES: 'no permission',
  EPERM: 'no permission',
  ENOTDIR: 'a part of the path is not a directory',
  EEXIST: 'there is a file of that name, not a directory',
  ENOENT: 'it cannot be made there',
};

/** The directory of dry-run files. Nobody who lists it sees a file that is not whole yet as `*.json`. */
export class OutputDir {
  readonly #dir: string;
  #lastNanoseconds = 0n;

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** Makes the directory and writes a file in it; rejects with a {@link SinkError} of kind `fatal` when that does not work. */
  async prove(): Promise<void> {
    const file = this.#temporaryFile();
    try {
      await makeDir(this.#dir);
      await writeParts(file, []);
    } catch (error) {
      throw new SinkError('fatal', this.#describe(error), { cause: error });
    } finally {
      await rm(file, { force: true }).catch(() => undefined);
    }
  }

  /** Writes one file and resolves when it stands under its name; rejects with a {@link SinkError}. */
  async write(appName: string, parts: readonly Buffer[]): Promise<void> {
    const temporary = this.#temporaryFile();
    try {
      await makeDir(this.#dir);
      await writeParts(temporary, parts);
      await rename(temporary, path.join(this.#dir, dryRunFileName(appName, this.#nextNanoseconds())));
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => undefined);
      const kind = PASSING.includes(codeOf(error)) ? 'unavailable' : 'rejected';
      throw new SinkError(kind, this.#describe(error), { cause: error });
    }
  }

  #temporaryFile(): string {
    return path.join(this.#dir, `.orb-worker-${randomUUID()}.tmp`);
  }

  /** Names files rather than tells the time: counted from the host's start, so that files of a later daemon sort later. */
  #nextNanoseconds(): bigint {
    const now = process.hrtime.bigint();
    this.#lastNanoseconds = now > this.#lastNanoseconds ? now : this.#lastNanoseconds + 1n;
    return this.#lastNanoseconds;
  }

  #describe(error: unknown): string {
    const reason = REASONS[codeOf(error)] ?? messageOf(error);
    return `Dry run cannot write to ${this.#dir}: ${reason}`;
  }
}

/** Node's own recursive `mkdir` never ends where a file system answers ENOENT although the parent is there (/proc). */
async function makeDir(dir: string): Promise<void> {
  try {
    await makeOneDir(dir);
  } catch (error) {
    const parent = path.dirname(dir);
    if (codeOf(error) !== 'ENOENT' || parent === dir) throw error;
    await makeDir(parent);
    await makeOneDir(dir);
  }
}

async function makeOneDir(dir: string): Promise<void> {
  try {
    await mkdir(dir);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST' || !(await stat(dir)).isDirectory()) throw error;
  }
}

async function writeParts(file: string, parts: readonly Buffer[]): Promise<void> {
  const handle = await open(file, 'wx');
  try {
    for (const part of parts) await handle.writeFile(part);
  } finally {
    await handle.close();
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
