import type { Clock, Timer } from '../clock.ts';
import type { UsageMeter } from './process-usage.ts';

const LOOK_EVERY_MS = 100;

const KIB_PER_MIB = 1_024;

/** What a process takes beside its heap, Node itself and buffers above all: half as much again, and at least this. */
const LEAST_BESIDE_HEAP_MIB = 256;

/** What a process may take in all when its heap may take `heapMiB`. */
export function memoryLimitMiB(heapMiB: number): number {
  return heapMiB + Math.max(LEAST_BESIDE_HEAP_MIB, Math.floor(heapMiB / 2));
}

export interface MemoryWatchOptions {
  readonly clock: Clock;
  readonly meter: UsageMeter;
  readonly limitMiB: number;
  /** Nobody looks at a process that has nothing to do. */
  readonly isBusy: () => boolean;
  /** Called once, when the process has more than it may. */
  readonly onOver: () => void;
}

/** Looks at a process's resident memory while it works: no flag of Node's bounds what is not on its heap. */
export class MemoryWatch {
  readonly #options: MemoryWatchOptions;
  #timer: Timer | undefined;

  constructor(options: MemoryWatchOptions) {
    this.#options = options;
  }

  /** Call it whenever the process gets something to do. */
  begin(): void {
    this.#timer ??= this.#options.clock.after(LOOK_EVERY_MS, () => this.#look());
  }

  end(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #look(): void {
    const { meter, limitMiB, isBusy, onOver } = this.#options;
    this.#timer = undefined;
    if (!isBusy()) return;
    const usage = meter.read();
    if (usage === undefined) return;
    if (usage.residentKiB > limitMiB * KIB_PER_MIB) onOver();
    else this.begin();
  }
}
