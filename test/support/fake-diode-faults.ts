/** What a gRPC method does instead of acknowledging. */
export type GrpcFault =
  | { readonly status: number; readonly message: string }
  /** Status OK with these bytes. */
  | { readonly reply: Buffer }
  /** Takes its time. */
  | { readonly afterMs: number; readonly answer: GrpcFault | undefined }
  /** Never answers. */
  | 'hang'
  /** Cuts every connection off when the request has arrived. */
  | 'disconnect';

/** What the token endpoint does instead of giving a token. */
export type TokenFault =
  | { readonly status: number; readonly headers?: Record<string, string>; readonly body?: string }
  | 'hang'
  | 'disconnect';

/** The faults that a fake has been told to show: those in line first, then the lasting one, then those that depend on the request. */
export class Faults<Fault> {
  readonly #next: Fault[] = [];
  #lasting: Fault | undefined;
  #objection: (request: Buffer) => Fault | undefined = () => undefined;

  /** The next `times` calls fail like this. */
  fail(fault: Fault, times = 1): void {
    for (let index = 0; index < times; index += 1) this.#next.push(fault);
  }

  /** Every call fails like this until `recover`. */
  failAlways(fault: Fault): void {
    this.#lasting = fault;
  }

  /** From now on calls fail as this says of what they carry. */
  failWhere(objection: (request: Buffer) => Fault | undefined): void {
    this.#objection = objection;
  }

  /** Calls work again. */
  recover(): void {
    this.#next.length = 0;
    this.#lasting = undefined;
    this.#objection = () => undefined;
  }

  /** How the call that just arrived fails, if it does. */
  take(request: Buffer = Buffer.alloc(0)): Fault | undefined {
    return this.#next.shift() ?? this.#lasting ?? this.#objection(request);
  }
}
