import { existsSync } from 'node:fs';
import { messageOf } from '../../errors.ts';
import { isDamage } from './find-damage.ts';
import { type MendOptions, mend, report } from './mend.ts';
import { type Repair, summaryOf } from './repair-report.ts';

type MenderOptions = Omit<MendOptions, 'depth' | 'now'>;

const GONE =
  'there is no data file, though a daemon has had this directory before: nothing that it kept is known any more';

/** Repairs what a daemon keeps, when it starts and while it lives, and remembers that it did. */
export class Mender {
  readonly #options: MenderOptions;
  /** The last one in this life of the daemon. */
  #repair: Repair | undefined;
  #repairs = 0;
  readonly #isGone: boolean;

  constructor(options: MenderOptions) {
    this.#options = options;
    this.#isGone = options.wasUsed && !existsSync(options.files.database);
  }

  /** What was repaired last in this life of the daemon, or was not there, one sentence for a person; `''`: nothing. */
  get warning(): string {
    if (this.#repair) return summaryOf(this.#repair);
    return this.#isGone ? GONE : '';
  }

  /** How often something was. */
  get repairs(): number {
    return this.#repairs;
  }

  /** After the last repair the daemon has written these policies again: it still knew them. */
  noteMadeGood(policies: readonly string[]): void {
    if (!this.#repair) return;
    this.#repair = { ...this.#repair, writtenAgain: [...this.#repair.writtenAgain, ...policies] };
    try {
      report(this.#repair);
    } catch {
      // The log and /readyz say it as well.
    }
  }

  /** Nobody has the database open. Throws what SQLite or the system say of the disk, and a `ForeignDatabaseError`. */
  look(depth: MendOptions['depth'], known: readonly string[] = []): void {
    const repair = mend({ ...this.#options, depth, now: Date.now() }, known);
    if (!repair) return;
    this.#repair = repair;
    this.#repairs++;
  }

  /** Opens the database; once more after a repair where it turns out to be damaged only then. */
  open<T>(open: () => T): T {
    try {
      return open();
    } catch (error) {
      if (!isDamage(error)) throw error;
      this.look('full', [`the data file cannot be opened: ${messageOf(error)}`]);
      return open();
    }
  }
}
