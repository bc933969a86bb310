import { UnavailableError } from './errors.ts';

/** The process, or the machine, may have no more files open. */
const NO_MORE_FILES = ['EMFILE', 'ENFILE'];

/**
 * Makes something when it is first asked for, most often from a part of the program that is loaded then. What could not
 * be made is tried again at the next call; where no more files may be opened, an {@link UnavailableError} says so.
 */
export function madeLate<Part>(make: () => Promise<Part>): () => Promise<Part> {
  let making: Promise<Part> | undefined;
  return () => {
    making ??= make().catch((error: unknown) => {
      making = undefined;
      throw isForFiles(error) ? new UnavailableError('no more files may be opened') : error;
    });
    return making;
  };
}

function isForFiles(error: unknown): boolean {
  return error instanceof Error && 'code' in error && NO_MORE_FILES.includes(String(error.code));
}
