import { closeSync, existsSync, openSync } from 'node:fs';
import type { StateBounds } from '../bounds.ts';
import { faultWords, NO_SPACE, sqliteCodeOf } from '../database/faults.ts';
import { NoRoomError } from '../database/kept-amount.ts';
import { isDamage } from '../repair/find-damage.ts';
import type { Mender } from '../repair/mender.ts';
import type { HeldDirectory } from './hold-directory.ts';
import { CutOffError, MisplacedError, Place } from './place.ts';
import type { Reserve } from './reserve.ts';
import { Store } from './store.ts';

interface SteadyOptions {
  readonly database: string;
  readonly bounds: StateBounds;
  readonly mender: Mender;
  readonly held: HeldDirectory;
  readonly reserve: Reserve;
}

/** What has to fit before the disk counts as well again. */
const FEWEST_PROBE_BYTES = 64 * 1024;
const MOST_PROBE_BYTES = 4 * 1024 * 1024;
const SEVERAL = 4;
const SQLITE_FULL = 13;

/** The store of a data directory through the faults of its disk: what is wrong with it, and how it comes back. */
export class SteadyStore {
  readonly #options: SteadyOptions;
  readonly #life: number;
  /** undefined: it could not be opened again after a fault. */
  #store: Store | undefined;
  #place: Place;
  #fault = '';
  #mustReopen = false;
  #isDamaged = false;
  /** What is known to be gone. */
  readonly #cutOff = new Set<string>();
  #isMisplaced = false;
  #probeBytes = FEWEST_PROBE_BYTES;

  /** Throws why it cannot be opened. */
  constructor(options: SteadyOptions) {
    const { database, bounds, mender, held } = options;
    this.#options = options;
    mender.look('quick');
    const store = mender.open(() => new Store(database, bounds, held.owner));
    this.#store = store;
    this.#place = new Place(database);
    this.#life = store.life;
  }

  /** `''` while all is well, otherwise one sentence for a person. */
  get fault(): string {
    return this.#fault;
  }

  /** What can be read at least; undefined: nothing can. */
  get current(): Store | undefined {
    return this.#store;
  }

  /** The disk is nearly full: so many bytes had no room. */
  noteFull(bytes: number): void {
    this.noteFault(new NoRoomError(NO_SPACE), bytes);
  }

  /**
   * Where nothing is wrong but that the disk is full: does what gives room back, on the reserve if need be. undefined: it
   * cannot be done.
   */
  giveRoom<T>(work: (store: Store) => T): T | undefined {
    if (!this.#store || this.#fault === '' || this.#mustReopen) return undefined;
    try {
      const store = this.#store;
      return this.use(() => work(store));
    } catch (error) {
      this.noteFault(error, 0);
      return this.#options.reserve.giveUp() ? this.giveRoom(work) : undefined;
    }
  }

  /** Now and then: whether the directory still is this daemon's, and its reserve is there. */
  lookAfterDirectory(): void {
    try {
      this.#options.held.holdOn();
      this.#options.reserve.fill();
    } catch (error) {
      this.noteFault(error, 0);
    }
  }

  /** Does something with a store's files. Throws what that throws, and when they are not as they were left. */
  use<T>(work: () => T): T {
    this.#place.check();
    try {
      return work();
    } finally {
      this.#place.note();
    }
  }

  /** @param bytes that were to be written: as much has to fit before all is well again. */
  noteFault(error: unknown, bytes: number): void {
    this.#fault = faultWords(error);
    this.#mustReopen ||= !(error instanceof NoRoomError || sqliteCodeOf(error) === SQLITE_FULL);
    this.#isDamaged ||= isDamage(error);
    if (error instanceof CutOffError) this.#cutOff.add(error.message);
    this.#isMisplaced ||= error instanceof MisplacedError;
    this.#probeBytes = Math.min(Math.max(this.#probeBytes, bytes), MOST_PROBE_BYTES);
    this.#store?.upkeep.abandon();
  }

  /** After a fault: tries to write, with `write` what was not written yet, and as much beside it as could not be written before. */
  probe(write: (store: Store) => void): void {
    if (this.#fault === '') return;
    try {
      const store = this.#reopened();
      this.use(() => {
        store.makeRoom(this.#probeBytes);
        store.probe(this.#probeBytes);
        write(store);
        store.makeRoom(this.#roomFor(store));
      });
      this.#fault = '';
      this.#probeBytes = FEWEST_PROBE_BYTES;
    } catch (error) {
      this.noteFault(error, this.#probeBytes);
    }
  }

  close(): void {
    this.#store?.close();
  }

  /** As long as something waits that will make room, for several of a kind: else the disk would be full again at once. */
  #roomFor({ waitingBytes }: Store): number {
    return waitingBytes > 0 ? SEVERAL * this.#probeBytes : this.#probeBytes;
  }

  /** After some faults nobody knows what SQLite, or the system, still has in memory. */
  #reopened(): Store {
    if (this.#store && !this.#mustReopen) return this.#store;
    const { database, bounds, mender, held } = this.#options;
    const old = this.#store;
    held.holdOn();
    if (this.#isMisplaced && !this.#place.isHeld()) old?.moveTo(database);
    this.#isMisplaced = false;
    // As long as nothing can be written, what is there can be read.
    checkWritable(database);
    this.#store = undefined;
    closeQuietly(old);
    if (this.#isDamaged || this.#cutOff.size > 0) mender.look('full', [...this.#cutOff]);
    const store = mender.open(() => new Store(database, bounds, this.#life));
    this.#store = store;
    this.#place = new Place(database);
    this.#isDamaged = false;
    this.#cutOff.clear();
    this.#mustReopen = false;
    return store;
  }
}

function closeQuietly(store: Store | undefined): void {
  try {
    store?.close();
  } catch {
    // It is opened anew.
  }
}

/** Throws what the system says where it cannot be written; one that is not there can be made. */
function checkWritable(database: string): void {
  if (existsSync(database)) closeSync(openSync(database, 'r+'));
}
