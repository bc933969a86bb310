import TinyQueue from 'tinyqueue';
import type { Clock, Timer } from '../clock.ts';

/** Something that comes due, once or again and again, by the wall clock. */
export interface Appointment {
  /** It is due since `dueAt` (epoch ms). Must not throw. */
  fire(dueAt: number): void;
  /** The first moment after `epochMs` at which it is due again; undefined: never. */
  nextAfter(epochMs: number): number | undefined;
  /** When what was due at `dueAt` is due now that the wall clock reads `now` and was set by `jumpMs`. */
  dueAfterJump(dueAt: number, now: number, jumpMs: number): number;
}

/** An appointment's place in the schedule; only the schedule changes it. */
export interface Entry {
  /** Epoch ms. */
  dueAt: number;
  /** Orders what is due at the same moment: first added, first fired. */
  readonly order: number;
  /** undefined once it was removed. */
  appointment: Appointment | undefined;
}

/** Longer waits would notice too late that the wall clock was set, or that the machine slept. */
const LONGEST_WAIT_MS = 10_000;
/** How long the event loop may be kept from other work: children that answered promptly must not seem slow. */
const SLICE_MS = 2;
/** The wall clock was set when it has moved this much more or less than time has passed. */
const SMALLEST_JUMP_MS = 500;
/** Removed entries that are kept at least, so that small schedules are not built anew all the time. */
const FEWEST_REMOVED = 64;

/**
 * All appointments of the daemon under one heap and one timer.
 *
 * What is due is fired by its moment, then in the order it was added, in slices between which the event loop turns.
 * When everything due has fired, the next moments are computed: that takes longer and may wait. An appointment that
 * is fired late is fired once for all the moments that it missed until then; those that pass before its next moment
 * is computed are not missed, but due at once.
 */
export class Schedule {
  readonly #clock: Clock;
  #heap = new TinyQueue<Entry>([], byMoment);
  #fired: Entry[] = [];
  /** When each of them was fired, epoch ms. */
  #firedAt: number[] = [];
  #rearmed = 0;
  #order = 0;
  #live = 0;
  #wallOffset: number;
  #timer: Timer | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #nextSlice: NodeJS.Immediate | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#wallOffset = this.#readWallOffset();
  }

  /** How many appointments there are. */
  get size(): number {
    return this.#live;
  }

  /** How many entries the heap holds, removed ones that still lie in it included. */
  get heapSize(): number {
    return this.#heap.length;
  }

  add(appointment: Appointment, dueAt: number): Entry {
    this.#noticeJump();
    const entry: Entry = { dueAt, order: this.#order++, appointment };
    this.#live++;
    this.#heap.push(entry);
    if (dueAt < this.#timerAt) this.#setTimer();
    return entry;
  }

  /** Harmless when repeated, or when the appointment was the last of its kind and has fired. */
  remove(entry: Entry): void {
    if (!entry.appointment) return;
    entry.appointment = undefined;
    this.#live--;
    if (this.#heap.length > 2 * this.#live + FEWEST_REMOVED) this.#rebuild();
    if (this.#live === 0) this.#rest();
  }

  #rest(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#timerAt = Number.POSITIVE_INFINITY;
    clearImmediate(this.#nextSlice);
    this.#nextSlice = undefined;
    this.#heap = new TinyQueue<Entry>([], byMoment);
    this.#forgetFired();
  }

  #forgetFired(): void {
    this.#fired = [];
    this.#firedAt = [];
    this.#rearmed = 0;
  }

  #setTimer(): void {
    const first = this.#heap.peek();
    if (!first || this.#nextSlice) return;
    const lookAt = this.#clock.now() + LONGEST_WAIT_MS;
    this.#timer?.cancel();
    this.#timerAt = first.dueAt;
    this.#timer = this.#clock.at(Math.min(first.dueAt, lookAt), () => this.#wake());
  }

  #wake(): void {
    this.#timer = undefined;
    this.#noticeJump();
    this.#work();
  }

  /** Fires what is due, then finds the next moments, until there is nothing to do or the slice is over. */
  #work(): void {
    this.#nextSlice = undefined;
    const sliceEnd = this.#clock.monotonic() + SLICE_MS;
    while (this.#fireNext() || this.#rearmNext()) {
      if (this.#clock.monotonic() < sliceEnd) continue;
      this.#nextSlice = setImmediate(() => this.#work());
      return;
    }
    this.#setTimer();
  }

  #fireNext(): boolean {
    const entry = this.#heap.peek();
    const now = this.#clock.now();
    if (!entry || (entry.appointment && entry.dueAt > now)) return false;
    this.#heap.pop();
    if (entry.appointment) {
      this.#fired.push(entry);
      this.#firedAt.push(now);
      entry.appointment.fire(entry.dueAt);
    }
    return true;
  }

  #rearmNext(): boolean {
    const entry = this.#fired[this.#rearmed];
    const firedAt = this.#firedAt[this.#rearmed++];
    if (!entry || firedAt === undefined) {
      this.#forgetFired();
      return false;
    }
    // Later than the moment that was fired even when the clock was set back meanwhile: no moment fires twice.
    const next = entry.appointment?.nextAfter(Math.max(entry.dueAt, firedAt));
    if (next === undefined) {
      this.remove(entry);
    } else {
      entry.dueAt = next;
      this.#heap.push(entry);
    }
    return true;
  }

  #noticeJump(): void {
    const wallOffset = this.#readWallOffset();
    const jumpMs = wallOffset - this.#wallOffset;
    this.#wallOffset = wallOffset;
    if (Math.abs(jumpMs) < SMALLEST_JUMP_MS) return;
    const now = this.#clock.now();
    for (const entry of this.#heap.data) {
      if (entry.appointment) entry.dueAt = entry.appointment.dueAfterJump(entry.dueAt, now, jumpMs);
    }
    this.#rebuild();
    this.#setTimer();
  }

  #readWallOffset(): number {
    return this.#clock.now() - this.#clock.monotonic();
  }

  #rebuild(): void {
    this.#heap = new TinyQueue<Entry>(
      this.#heap.data.filter((entry) => entry.appointment),
      byMoment,
    );
  }
}

function byMoment(a: Entry, b: Entry): number {
  return a.dueAt - b.dueAt || a.order - b.order;
}
