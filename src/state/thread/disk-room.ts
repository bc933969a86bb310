import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { NO_SPACE } from '../database/faults.ts';
import { NoRoomError } from '../database/kept-amount.ts';
import { freeBytesAt } from './free-bytes.ts';

/** Stays free: for acknowledgements and deletions, which give room back and take some of the log first. */
const SPARE_BYTES = 1024 * 1024;

/** Of the data file with its log, in bytes. */
export interface FileMeasure {
  /** What the file will have when the log is taken over. */
  readonly all: number;
  /** Of it, what is in no use. */
  readonly free: number;
}

/** What may be added, in bytes. */
interface Left {
  /** On the disk. */
  readonly disk: number;
  /** In the data file, without making it larger. */
  readonly free: number;
}

/**
 * What the file system of the data directory still takes. All that is added needs room twice, in the log and then in the
 * file: where the disk is filled until SQLite meets its end, the log cannot be taken over any more, and not even what is
 * acknowledged can be let go of.
 */
export class DiskRoom {
  readonly #database: string;
  readonly #measure: () => FileMeasure;
  /** In this transaction. */
  #left: Left = { disk: 0, free: 0 };
  #refusedBytes = 0;

  constructor(database: string, measure: () => FileMeasure) {
    this.#database = database;
    this.#measure = measure;
  }

  /** The most that one call of this transaction was refused; 0: there was room for all. */
  get refusedBytes(): number {
    return this.#refusedBytes;
  }

  /**
   * Before a transaction that is to add so many bytes.
   * @param takeOver takes the log over into the file: called where that is needed to have room.
   */
  begin(bytes: number, takeOver: () => void): void {
    this.#refusedBytes = 0;
    if (bytes === 0) return;
    this.#left = this.#look();
    if (neededFor(bytes, this.#left.free) <= this.#left.disk) return;
    takeOver();
    this.#left = this.#look();
  }

  /** Throws a {@link NoRoomError} where so many bytes would leave no spare room on the disk. */
  admit(bytes: number): void {
    const { disk, free } = this.#left;
    const needed = neededFor(bytes, free);
    if (needed > disk) {
      this.#refusedBytes = Math.max(this.#refusedBytes, bytes);
      throw new NoRoomError(NO_SPACE);
    }
    this.#left = { disk: disk - needed, free: Math.max(0, free - bytes) };
  }

  /** Whether so many bytes would be admitted now. */
  has(bytes: number): boolean {
    const { disk, free } = this.#look();
    return neededFor(bytes, free) <= disk;
  }

  #look(): Left {
    const { all, free } = this.#measure();
    const pending = Math.max(0, all - (statSync(this.#database, { throwIfNoEntry: false })?.size ?? 0));
    return { disk: freeBytesAt(dirname(this.#database)) - pending - SPARE_BYTES, free };
  }
}

/** In the log, and in the file as far as that has no room of its own. */
function neededFor(bytes: number, free: number): number {
  return bytes + Math.max(0, bytes - free);
}
