import { randomBytes } from 'node:crypto';
import { rmSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { give } from '../repair/owners.ts';

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

  /** Of the file as it is. */
  get bytes(): number {
    return statSync(this.#file, { throwIfNoEntry: false })?.size ?? 0;
  }

  /** Makes it, unless it is there or the disk has no room for it. */
  fill(): void {
    if (this.bytes === this.#bytes) return;
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
    return this.bytes > 0 && this.#remove();
  }

  /** Before a start. */
  giveUpIfFull(): void {
    if (this.bytes === 0) return;
    const { bavail, bsize } = statfsSync(dirname(this.#file));
    if (bavail * bsize < LEAST_FREE_BYTES) this.giveUp();
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
