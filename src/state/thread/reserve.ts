import { randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { sizeOf } from '../files.ts';
import { give } from '../repair/owners.ts';
import { freeBytesAt } from './free-bytes.ts';

/** A start needs some of the disk, and so does a deletion. */
const MOST_BYTES = 1024 * 1024;
/** With less than this a daemon does not get as far as to its API. */
const LEAST_FREE_BYTES = 128 * 1024;

/**
 * A file that takes room on the disk for no other purpose than to give it up when somebody else has taken all the rest: a
 * daemon can then still start, and policies can still be deleted.
 */
export class Reserve {
  readonly #file: string;
  readonly #bytes: number;

  /** @param mostBytes what it may take. */
  constructor(file: string, mostBytes: number) {
    this.#file = file;
    this.#bytes = Math.min(MOST_BYTES, Math.floor(mostBytes));
  }

  get #isThere(): boolean {
    return sizeOf(this.#file) > 0;
  }

  /** Makes it, unless it is there or the disk has no room for it and as much beside it. */
  fill(): void {
    if (sizeOf(this.#file) === this.#bytes || this.#free < 2 * this.#bytes) return;
    try {
      // Not zeros: some file systems keep these in no room at all.
      writeFileSync(this.#file, randomBytes(this.#bytes), { mode: 0o600 });
      give(this.#file, dirname(this.#file));
    } catch {
      this.#remove();
    }
  }

  /** Gives its room up; false: there was none. */
  giveUp(): boolean {
    return this.#isThere && this.#remove();
  }

  /** Before a start. */
  giveUpIfFull(): void {
    if (this.#free < LEAST_FREE_BYTES) this.giveUp();
  }

  get #free(): number {
    return freeBytesAt(dirname(this.#file));
  }

  #remove(): boolean {
    try {
      rmSync(this.#file, { force: true });
      return true;
    } catch {
      return false;
    }
  }
}
