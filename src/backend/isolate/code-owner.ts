import { AsyncLocalStorage } from 'node:async_hooks';

/** A run or a policy's life, whose code may be running. */
export interface CodeOwner {
  /** As the daemon calls it. */
  readonly number: number;
  /** Its code threw where nobody could catch it. */
  abandon(): void;
}

/** Whose code is running now; undefined outside of all runs and lives. */
export const currentOwner = new AsyncLocalStorage<CodeOwner>();
