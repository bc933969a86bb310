import { createHash, randomUUID } from 'node:crypto';
import { BadRequestError } from '../errors.ts';
import type { RunQuery } from './contract.ts';

type Filter = Pick<RunQuery, 'policy' | 'status'>;

/** Writes and reads where a page of runs ended. A cursor holds all it says: nothing is kept between two pages. */
export class Cursors {
  readonly #life: string;

  /**
   * @param life a cursor of another is refused. Left out: one of its own, because runs that are not kept are counted
   * anew when the daemon starts.
   */
  constructor(life: string = randomUUID()) {
    this.#life = life;
  }

  /** @param sequence of the last run of the page. */
  write(filter: Filter, sequence: number): string {
    return Buffer.from(`${sequence}.${this.#markOf(filter)}`).toString('base64url');
  }

  /**
   * The sequence that was written.
   * @throws BadRequestError for what is no cursor, or one of another query.
   */
  read(filter: Filter, cursor: string): number {
    const [, sequence, mark] = /^(\d{1,15})\.([0-9a-f]{16})$/.exec(decode(cursor)) ?? [];
    if (sequence === undefined) {
      throw new BadRequestError('cursor: not a cursor; expected the next_cursor of an earlier reply');
    }
    if (mark !== this.#markOf(filter)) {
      throw new BadRequestError(
        'cursor: belongs to a query with another policy or status, or the daemon was restarted since',
      );
    }
    return Number(sequence);
  }

  #markOf({ policy, status }: Filter): string {
    const text = JSON.stringify([this.#life, policy ?? null, status ?? null]);
    return createHash('sha256').update(text).digest('hex').slice(0, 16);
  }
}

/** Node skips what is no base64url; here it makes the whole no cursor. */
function decode(cursor: string): string {
  return /^[\w-]+$/.test(cursor) ? Buffer.from(cursor, 'base64url').toString('latin1') : '';
}
