import { messageOf } from '../../errors.ts';

/** Words for a disk that is full, be it that SQLite has met its end or that it was seen coming. */
export const NO_SPACE = 'no space left on the device';

/** What SQLite says of the disk rather than of us: the low byte of its codes. */
const FAULTS: Readonly<Record<number, string>> = {
  5: 'the data file is in use by another program',
  7: 'out of memory',
  8: 'the data directory is read-only',
  10: 'the disk reports an error (I/O error)',
  11: 'the data file is damaged',
  13: NO_SPACE,
  14: 'the data file cannot be opened',
  15: 'the data file is in use by another program',
  26: 'the data file is damaged',
};

/** SQLite's primary code of an error; undefined: it is none of SQLite. */
export function sqliteCodeOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error)) return undefined;
  return Number(error.errcode) & 0xff;
}

/** What is wrong with the disk, for a person; undefined: nothing, the error is of another kind. */
export function diskFaultOf(error: unknown): string | undefined {
  const code = sqliteCodeOf(error);
  return code === undefined ? undefined : FAULTS[code];
}

/** What the system says of a directory or its files. */
const SYSTEM_FAULTS: Readonly<Record<string, string>> = {
  EACCES: 'the data directory may not be used (permission denied)',
  EPERM: 'the data directory may not be used (permission denied)',
  EROFS: 'the data directory is read-only',
  ENOENT: 'the data directory is gone',
  ENOSPC: NO_SPACE,
  EDQUOT: 'no space left on the device (quota)',
  EIO: 'the disk reports an error (I/O error)',
};

/** Whatever is wrong with what is kept, for a person: without a path, where it has a name. */
export function faultWords(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return diskFaultOf(error) ?? SYSTEM_FAULTS[code] ?? messageOf(error);
}
