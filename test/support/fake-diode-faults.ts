/** What a gRPC method does instead of acknowledging. */
export type GrpcFault =
  | { readonly status: number; readonly message: string }
  /** Status OK with these bytes. */
  | { readonly reply: Buffer }
  /** Never answers. */
  | 'hang'
  /** Cuts every connection off when the request has arrived. */
  | 'disconnect';

/** What the token endpoint does instead of giving a token. */
export type TokenFault =
  | { readonly status: number; readonly headers?: Record<string, string>; readonly body?: string }
  | 'hang'
  | 'disconnect';

/** The faults that a fake has been told to show: those in line first, then the lasting one. */
export class Faults<Fault> {
  readonly #next: Fault[] = [];
  #lasting: Fault | undefined;

  /** The next `times` calls fail like this. */
  fail(fault: Fault, times = 1): void {
    for (let index = 0; index < times; index += 1) this.#next.push(fault);
  }

  /** Every call fails like this until `recover`. */
  failAlways(fault: Fault): void {
    this.#lasting = fault;
  }

  /** Calls work again. */
  recover(): void {
    this.#next.length = 0;
    this.#lasting = undefined;
  }

  /** How the call that just arrived fails, if it does. */
  take(): Fault | undefined {
    return this.#next.shift() ?? this.#lasting;
  }
}
