import { UnavailableError } from './errors.ts';

/** The process, or the machine, may have no more files open. */
const NO_MORE_FILES = ['EMFILE', 'ENFILE'];

/**
 * Makes something when it is first asked for, most often from a part of the program that is loaded then. What could not
 * be made is tried again at the next call; where no more files may be opened, an {@link UnavailableError} says so.
 */
export function madeLate<Part>(make: () => Promise<Part>): () => Promise<Part> {
  let making: Promise<Part> | undefined;
  let fault: unknown;
  return () => {
    making ??= make().catch((error: unknown) => {
      making = undefined;
      const isOld = error === fault;
      fault = error;
      throw isForFiles(error)
        ? new UnavailableError(isOld ? FOR_GOOD : 'no more files may be opened')
        : error;
    });
    return making;
  };
}

/** Node 22 tries to load a part once, and answers with the same error ever after. */
const FOR_GOOD =
  'no more files could be opened when a part of the program was to be loaded, and this Node does not try again: restart it';

function isForFiles(error: unknown): boolean {
  return error instanceof Error && 'code' in error && NO_MORE_FILES.includes(String(error.code));
}
