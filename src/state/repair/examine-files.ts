import { accessSync, constants, existsSync, lstatSync, statfsSync, statSync } from 'node:fs';
import { allOf, type StateFiles } from '../files.ts';
import { asidesIn } from './files-aside.ts';
import type { Finding } from './finding.ts';
import { strangersIn } from './owners.ts';

/** With less than this SQLite cannot take its log over into the file. */
const LEAST_FREE_BYTES = 128 * 1024 * 1024;
const OTHERS = 0o077;

/** What is to be said of the directory and its files, whatever is in them. */
export function examineFiles(directory: string, files: StateFiles): Finding[] {
  return [
    ...examineModes(directory, files),
    ...examineOwners(directory, files),
    ...examineAsides(directory),
    ...examineMount(directory),
    ...examineSpace(directory),
  ];
}

/** Those that others may look into, of those that are there. */
export function openFilesIn(directory: string, files: StateFiles): string[] {
  const all = [directory, ...allOf(files)];
  return all.filter((file) => existsSync(file) && (lstatSync(file).mode & OTHERS) !== 0);
}

function examineModes(directory: string, files: StateFiles): Finding[] {
  return openFilesIn(directory, files).map((file) => ({
    severity: 'warning',
    where: file,
    what: `its mode is ${(lstatSync(file).mode & 0o777).toString(8)}`,
    meaning: 'Other users of this machine can look into it, or change it.',
    remedy: 'A repair takes the rights of all others away.',
  }));
}

function examineOwners(directory: string, files: StateFiles): Finding[] {
  const { uid } = statSync(directory);
  return strangersIn(directory, files).map((file) => ({
    severity: 'warning',
    where: file,
    what: `it belongs to the user ${lstatSync(file).uid}, and the directory to ${uid}`,
    meaning: 'A daemon that runs as the user of the directory cannot use it.',
    remedy: 'A repair by root gives it to the user of the directory.',
  }));
}

function examineAsides(directory: string): Finding[] {
  return asidesIn(directory).map(({ folder, report, reportText }): Finding => {
    if (!existsSync(report)) {
      return {
        severity: 'damage',
        where: folder,
        what: 'a repair was cut off',
        meaning: 'A part of the data is here and is not taken over yet.',
        remedy: 'A repair, or the next start of the daemon, goes on with it.',
      };
    }
    return {
      severity: 'note',
      where: folder,
      what: `the data file was damaged earlier and lies here as it was: see ${reportText}`,
      meaning: 'Nothing of it is used any more.',
      remedy: 'Remove the folder when nobody needs it.',
    };
  });
}

/** Of this user's rights it says nothing: the daemon may run as another. */
function examineMount(directory: string): Finding[] {
  try {
    accessSync(directory, constants.W_OK);
    return [];
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EROFS')) return [];
  }
  return [
    {
      severity: 'warning',
      where: directory,
      what: 'its file system is read-only',
      meaning: 'A daemon refuses what it is given, or does not start.',
      remedy: 'See in the log of the kernel why it is, and mount it so that it can be written.',
    },
  ];
}

function examineSpace(directory: string): Finding[] {
  const { bavail, bsize } = statfsSync(directory);
  const free = bavail * bsize;
  if (free >= LEAST_FREE_BYTES) return [];
  return [
    {
      severity: 'warning',
      where: directory,
      what: `${Math.floor(free / 1024 / 1024)} MiB are free on its file system`,
      meaning:
        'The daemon soon has to refuse what it is given: policies with 503, batches by holding backends back.',
      remedy: 'Make room, or lower --data-max-bytes.',
    },
  ];
}
