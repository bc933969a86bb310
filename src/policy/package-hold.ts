import type { BackendLease } from '../backend/host.ts';

/** One lease that policies share: closed when the last of them lets go. */
export class PackageHold {
  readonly lease: BackendLease;
  #holders: number;

  constructor(lease: BackendLease, holders: number) {
    this.lease = lease;
    this.#holders = holders;
  }

  /** One more holder. */
  take(): void {
    this.#holders++;
  }

  /** Call it once for each holder. */
  release(): void {
    this.#holders--;
    if (this.#holders === 0) this.lease.close();
  }
}
