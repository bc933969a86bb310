import { availableParallelism } from 'node:os';
import type { Logger } from 'pino';
import type { Clock, Timer } from '../clock.ts';
import type { Redact } from '../redact.ts';
import type { BackendChild } from './child.ts';
import type { Loadable } from './host.ts';

/** How long a child without runs is kept. */
const IDLE_MS = 120_000;

/** After a child that could not be had, the next is tried no sooner. */
const AFTER_FAILURE_MS = 5_000;

/** Children that may never answer again do not count against the limit, up to this many times the limit. */
const MOST_WITH_STUCK = 4;

interface ChildState {
  readonly loaded: Promise<void>;
  isLoaded: boolean;
  /** Kept for one run. */
  readonly isAlone: boolean;
  idle: Timer | undefined;
}

export interface BroodOptions {
  readonly located: Loadable;
  readonly clock: Clock;
  readonly log: Logger;
  /** A process without a package, as warm as can be. */
  readonly takeChild: () => BackendChild;
  /** Cleans what children say. */
  readonly redact: Redact;
  /** A child of it is new. */
  readonly onBorn: (child: BackendChild) => void;
  /** A child has imported the package. */
  readonly onLoaded: (child: BackendChild) => void;
  /** A child could not import the package. */
  readonly onFailed: (child: BackendChild, error: unknown) => void;
  /** A child is gone. */
  readonly onEnded: (child: BackendChild) => void;
}

/** The children of a pool: how many there may be, and which of them has time. */
export class Brood {
  readonly mostChildren = availableParallelism();
  readonly #options: BroodOptions;
  readonly #children = new Map<BackendChild, ChildState>();
  /** Those that are not kept for one run, the oldest first. */
  #shared: readonly BackendChild[] = [];
  #growAgainAt = Number.NEGATIVE_INFINITY;

  constructor(options: BroodOptions) {
    this.#options = options;
  }

  all(): Iterable<BackendChild> {
    return this.#children.keys();
  }

  get size(): number {
    return this.#children.size;
  }

  /** How many are kept for one run each. */
  get aloneCount(): number {
    return [...this.#children.values()].filter((state) => state.isAlone).length;
  }

  /** True when there may be no more of them, whatever those that there are do. */
  get isFull(): boolean {
    return this.#children.size >= MOST_WITH_STUCK * this.mostChildren;
  }

  mayGrow(now: number): boolean {
    if (now < this.#growAgainAt) return false;
    let answering = 0;
    for (const child of this.#children.keys()) if (!child.isStuck(now)) answering++;
    return answering < this.mostChildren && !this.isFull;
  }

  /** True while one is on its way that many may share. */
  isGrowing(): boolean {
    for (const [child, { isLoaded, isAlone }] of this.#children) {
      if (!isLoaded && !isAlone && !child.isEnding) return true;
    }
    return false;
  }

  /** Of those that may be shared and take work. Asked for each run: it walks an array, and makes nothing on its way. */
  leastBusy(suits: (child: BackendChild) => boolean): BackendChild | undefined {
    const now = this.#options.clock.monotonic();
    let best: BackendChild | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const child of this.#shared) {
      if (!child.isReady || !suits(child)) continue;
      const load = loadOf(child, now);
      if (load >= least) continue;
      best = child;
      least = load;
    }
    return best;
  }

  /** Resolves with one that is loaded and not at work yet; rejects with a {@link QuestionError} when there can be none. */
  async newChild(): Promise<BackendChild> {
    for (const [child, state] of this.#children) {
      if (state.isAlone || state.isLoaded || child.isEnding) continue;
      await state.loaded;
      return child;
    }
    const child = this.grow(false);
    await this.loaded(child);
    return child;
  }

  /** Rejects with a {@link QuestionError} when the child cannot import the package. */
  async loaded(child: BackendChild): Promise<void> {
    await this.#children.get(child)?.loaded;
  }

  /** One more, which begins to import the package. */
  grow(isAlone: boolean): BackendChild {
    const { takeChild, located, log, redact, onBorn } = this.#options;
    const child = takeChild();
    const loaded = child.load(located, log, redact);
    const state: ChildState = { loaded, isLoaded: false, isAlone, idle: undefined };
    this.#children.set(child, state);
    if (!isAlone) this.#shared = [...this.#shared, child];
    onBorn(child);
    loaded.then(
      () => this.#loaded(child, state),
      (error: unknown) => this.#failed(child, error),
    );
    void child.ended.then(() => this.#ended(child));
    return child;
  }

  /** True when all others are gone or about to go. */
  isLast(child: BackendChild): boolean {
    return [...this.#children.keys()].every((one) => one === child || one.isEnding);
  }

  /** Lets a child go that has nothing to do: at once when `isUnwanted`, else after a while. */
  rest(child: BackendChild, isUnwanted: boolean): void {
    const state = this.#children.get(child);
    if (state === undefined) return;
    const isIdle = child.isReady && child.work.isNone && !state.isAlone;
    if (!isIdle) {
      state.idle?.cancel();
      state.idle = undefined;
    } else if (isUnwanted) {
      void child.kill();
    } else {
      state.idle ??= this.#options.clock.after(IDLE_MS, () => this.#letGo(child, state));
    }
  }

  /** It may have been handed something that it has not said a word of yet. */
  #letGo(child: BackendChild, state: ChildState): void {
    state.idle = undefined;
    if (child.work.isNone) void child.kill();
  }

  #loaded(child: BackendChild, state: ChildState): void {
    state.isLoaded = true;
    this.#options.onLoaded(child);
  }

  #failed(child: BackendChild, error: unknown): void {
    void child.kill();
    this.#growAgainAt = this.#options.clock.monotonic() + AFTER_FAILURE_MS;
    this.#options.onFailed(child, error);
  }

  #ended(child: BackendChild): void {
    this.#children.get(child)?.idle?.cancel();
    this.#children.delete(child);
    this.#shared = this.#shared.filter((one) => one !== child);
    this.#options.onEnded(child);
  }
}

/** Whoever is slow comes last, however little it has to do. */
function loadOf(child: BackendChild, now: number): number {
  const { runs, lives } = child.work;
  return runs.size + lives.size + (child.isSlow(now) ? Number.MAX_SAFE_INTEGER / 2 : 0);
}
