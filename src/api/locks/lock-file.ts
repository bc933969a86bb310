import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { messageOf, StartError } from '../../errors.ts';

/** A file on which a lock depends. */
export interface LockFile {
  /** What named it, such as `--tls-cert`. */
  readonly flag: string;
  readonly path: string;
}

/** Far more than certificates and tokens need. */
const LARGEST_FILE = 1024 * 1024;

/** Why such a file cannot be used; its message names the flag and neither path nor content. */
export class LockFault extends Error {
  override readonly name = 'LockFault';
  readonly file: LockFile;
  readonly #why: string;

  constructor(file: LockFile, why: string) {
    super(`${file.flag}: ${why}`);
    this.file = file;
    this.#why = why;
  }

  /** The same as a reason not to start. */
  asStartError(): StartError {
    return new StartError(1, `${this.file.flag} ${this.file.path}: ${this.#why}`, { cause: this });
  }
}

/** Reads it whole. Rejects with a {@link LockFault}. */
export async function readLockFile(file: LockFile): Promise<Buffer> {
  let handle: FileHandle | undefined;
  try {
    // A pipe would hold the opening up until somebody writes to it.
    handle = await open(file.path, constants.O_RDONLY | constants.O_NONBLOCK);
    const { size, isRegular } = await statOf(handle);
    if (!isRegular) throw new LockFault(file, 'it is no regular file');
    if (size > LARGEST_FILE) throw new LockFault(file, `it has more than ${LARGEST_FILE} bytes`);
    return await handle.readFile();
  } catch (error) {
    throw error instanceof LockFault ? error : new LockFault(file, whyUnreadable(error));
  } finally {
    await handle?.close();
  }
}

async function statOf(handle: FileHandle): Promise<{ size: number; isRegular: boolean }> {
  const stats = await handle.stat();
  return { size: stats.size, isRegular: stats.isFile() };
}

const reasons: Record<string, string> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EACCES: 'it may not be read',
  ELOOP: 'its links lead in a circle',
};

function whyUnreadable(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : messageOf(error);
  return reasons[code] ?? `it cannot be read (${code})`;
}
