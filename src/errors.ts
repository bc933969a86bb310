/** What a client did wrong, with the reply that says so; the API sends it as it is. */
export abstract class RequestError extends Error {
  abstract readonly statusCode: number;
  /** The `detail` of the reply. */
  get detail(): unknown {
    return this.message;
  }
  /** What is wrong, in more words than upstream's reply has for it. */
  get explanation(): string {
    return this.message;
  }
}

/** A body that cannot be read, a package that cannot be loaded, a backend that throws while it describes itself. */
export class BadRequestError extends RequestError {
  override readonly name: string = 'BadRequestError';
  readonly statusCode = 400;
}

/** One finding in a policy document, as upstream words it. */
export interface ValidationRow {
  /** Where, with dots: `policies.NAME.config.package`. */
  readonly field: string;
  /** `missing`, `string_type`, `dict_type`, `model_type`, `value_error`, ... */
  readonly type: string;
  /** One sentence. */
  readonly error: string;
}

/** A row, and the way to what it is about: keys and list indexes from the document's root. */
export interface ValidationFinding extends ValidationRow {
  readonly path: readonly (string | number)[];
  /** What upstream's sentence leaves open. */
  readonly why?: string;
}

/** A 1-based place in a document. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** A document that reads well and says what is not allowed: every finding at once. */
export class ValidationError extends RequestError {
  override readonly name = 'ValidationError';
  readonly statusCode = 403;
  readonly findings: readonly ValidationFinding[];
  readonly rows: readonly (ValidationRow & Partial<Place>)[];

  /** @param placeOf finds each finding in the document; left out: the rows say neither places nor reasons, as upstream. */
  constructor(findings: readonly ValidationFinding[], placeOf?: (path: ValidationFinding['path']) => Place) {
    super(findings.map((row) => `${row.field}: ${row.error}`).join('; '));
    this.findings = findings;
    this.rows = findings.map((finding) => {
      const { path, field, type, error } = finding;
      return placeOf ? { field, type, error: inFull(finding), ...placeOf(path) } : { field, type, error };
    });
  }

  override get explanation(): string {
    return this.findings.map((finding) => `${finding.field}: ${inFull(finding)}`).join('; ');
  }

  override get detail(): ValidationError['rows'] {
    return this.rows;
  }
}

const inFull = ({ error, why }: ValidationFinding): string => (why === undefined ? error : `${error} ${why}`);

/** No policy, run or route of this name. */
export class NotFoundError extends RequestError {
  override readonly name = 'NotFoundError';
  readonly statusCode = 404;
}

/** The name is taken. */
export class ConflictError extends RequestError {
  override readonly name = 'ConflictError';
  readonly statusCode = 409;
}

/** The daemon cannot keep what it would have to accept: it is starting, stopping, or full. */
export class UnavailableError extends RequestError {
  override readonly name = 'UnavailableError';
  readonly statusCode = 503;
}

/** A backend package that cannot be used; the message names it and says why. */
export class BackendError extends BadRequestError {
  override readonly name: string = 'BackendError';
}

/** A run was asked to take a step that its state forbids: a fault of ours. */
export class IllegalMoveError extends Error {
  override readonly name = 'IllegalMoveError';

  constructor(from: string, to: string) {
    super(`a run cannot go from ${from} to ${to}`);
  }
}

/** Stops the start: one line for the person who typed the command. */
export class StartError extends Error {
  override readonly name = 'StartError';
  /** 2: the options are wrong; 1: the world is not as they say. */
  readonly exitStatus: 1 | 2;

  constructor(exitStatus: 1 | 2, message: string, options?: ErrorOptions) {
    super(message, options);
    this.exitStatus = exitStatus;
  }
}

/** The text of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  if (thrown instanceof Error) return thrown.message || thrown.name;
  return typeof thrown === 'string' ? thrown : String(thrown);
}
