interface Request {
  readonly amount: number;
  readonly grant: () => void;
}

/** A fixed amount of something (bytes, calls at once), given out in the order in which it is asked for. */
export class Allowance {
  readonly #limit: number;
  readonly #line = new Set<Request>();
  #used = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * Resolves with true when `amount` is taken, with false when `signal` aborts first. More than there is in all is
   * granted alone, once everything else has been given back.
   */
  take(amount: number, signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve(false);
      const leave = (): void => {
        this.#line.delete(request);
        resolve(false);
        this.#serve();
      };
      const grant = (): void => {
        signal.removeEventListener('abort', leave);
        resolve(true);
      };
      const request = { amount, grant };
      signal.addEventListener('abort', leave, { once: true });
      this.#line.add(request);
      this.#serve();
    });
  }

  /** Takes `amount` without asking: it is there already. */
  add(amount: number): void {
    this.#used += amount;
  }

  /** Gives `amount` back. */
  release(amount: number): void {
    this.#used -= amount;
    this.#serve();
  }

  #serve(): void {
    for (const request of this.#line) {
      if (this.#used > 0 && this.#used + request.amount > this.#limit) return;
      this.#line.delete(request);
      this.#used += request.amount;
      request.grant();
    }
  }
}
