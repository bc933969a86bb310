import { createHash } from 'node:crypto';
import { type Clock, every } from '../../clock.ts';
import { messageOf } from '../../errors.ts';
import { LockFault, type LockFile, readLockFile } from './lock-file.ts';

export interface FileWatchOptions {
  readonly clock: Clock;
  /** Read together: what they hold only makes sense as a whole. */
  readonly files: readonly [LockFile, ...LockFile[]];
  /** Puts what they hold to use, in the order of `files`. Throws a {@link LockFault} and changes nothing when it cannot be used. */
  readonly use: (contents: readonly Buffer[]) => void;
  /** What they hold cannot be used any more. */
  readonly onFault: (fault: LockFault) => void;
}

/** Directories that are swapped under a link, as Kubernetes does it, escape the kernel's notice of changes. */
const LOOK_EVERY_MS = 2_000;

/** Reads files again and again, so that what is renewed counts without a restart. */
export class FileWatch {
  readonly #options: FileWatchOptions;
  /** Fingerprint of what is in use. */
  #used = '';
  /** What could not be used at the last look. */
  #suspect: string | undefined;
  #fault: LockFault | undefined;
  #isStopped = false;
  #stopLooking: (() => void) | undefined;

  private constructor(options: FileWatchOptions) {
    this.#options = options;
  }

  /** Puts the files to use, and looks at them from then on. Rejects with a {@link LockFault} when they cannot be used. */
  static async start(options: FileWatchOptions): Promise<FileWatch> {
    const watch = new FileWatch(options);
    const contents = await readAll(options.files);
    options.use(contents);
    watch.#used = fingerprintOf(contents);
    watch.#stopLooking = every(options.clock, LOOK_EVERY_MS, () => watch.#look());
    return watch;
  }

  /** Why what the files hold now is not used; undefined when it is. */
  get fault(): LockFault | undefined {
    return this.#fault;
  }

  stop(): void {
    this.#isStopped = true;
    this.#stopLooking?.();
  }

  /** Never rejects: what goes wrong here, of whatever kind, is a fault of the files to whoever asks. */
  async #look(): Promise<void> {
    let state = '';
    try {
      const contents = await readAll(this.#options.files);
      if (this.#isStopped) return;
      state = fingerprintOf(contents);
      if (state !== this.#used) this.#options.use(contents);
      this.#used = state;
      this.#suspect = undefined;
      this.#fault = undefined;
    } catch (error) {
      if (!this.#isStopped) this.#doubt(this.#asFault(error), state);
    }
  }

  #asFault(error: unknown): LockFault {
    return error instanceof LockFault ? error : new LockFault(this.#options.files[0], messageOf(error));
  }

  /** A look may come in the middle of a change: only what is the same at the next one is a fault. */
  #doubt(fault: LockFault, contents: string): void {
    const state = `${contents} ${fault.message}`;
    const isSame = this.#suspect === state;
    this.#suspect = state;
    if (!isSame || this.#fault?.message === fault.message) return;
    this.#fault = fault;
    // Whatever can be used next is put to use, be it what was there before.
    this.#used = '';
    this.#options.onFault(fault);
  }
}

/** One after the other: of several faults the first file's is told. */
async function readAll(files: readonly LockFile[]): Promise<readonly Buffer[]> {
  const contents: Buffer[] = [];
  for (const file of files) contents.push(await readLockFile(file));
  return contents;
}

/** The contents themselves are not kept: they are secrets. */
function fingerprintOf(contents: readonly Buffer[]): string {
  return contents.map((content) => createHash('sha256').update(content).digest('base64')).join(' ');
}
