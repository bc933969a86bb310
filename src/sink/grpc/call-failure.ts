import { messageOf, UnavailableError } from '../../errors.ts';
import { type Refusal, SinkError } from '../contract.ts';
import { namedEntities } from '../named-entities.ts';

/** The gRPC status codes by number; the library has the same list, but is not loaded for names alone. */
const NAMES = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
];

/** Those that the Python worker calls transient in its reasons (sheet: Sending to Diode 6). */
const NAMED_TRANSIENT = ['UNAVAILABLE', 'RESOURCE_EXHAUSTED', 'DEADLINE_EXCEEDED'];
/** Passing troubles of the connection or of the receiver. */
const PASSING = [...NAMED_TRANSIENT, 'INTERNAL', 'CANCELLED', 'ABORTED'];
/** Nothing that is sent will ever be taken. */
const OF_THE_CONFIGURATION = ['UNIMPLEMENTED', 'PERMISSION_DENIED', 'UNAUTHENTICATED'];
/** What servers and the proxies before them say of a message that is too large, whatever the status. */
const OF_THE_SIZE =
  /larger than max|exceeds maximum size|(?:message|body|payload|request entity) (?:is )?too large|status code 413/i;
/** What a server says of a message that it will refuse each time, under a status that else is passing. */
const OF_THE_MESSAGE = /unmarshal/i;
const LONGEST_DETAILS = 2000;
/** What the library says of a call that waited for a connection in vain. */
const UNSENT = /^No connection established/;
/** What the library adds to a failed connection when there is nothing to add. */
const EMPTY_NOTE = /\. Resolution note: $/;

/** A gRPC call that did not end with OK. */
export class CallFailure extends Error {
  override readonly name = 'CallFailure';
  readonly code: number;

  constructor(code: number, details: string) {
    super(details.replace(EMPTY_NOTE, '').slice(0, LONGEST_DETAILS));
    this.code = code;
  }

  /** `UNAVAILABLE`, ... */
  get status(): string {
    return NAMES[this.code] ?? `status ${this.code}`;
  }
}

/** What a failed call, or one that could not be made, means for the batch (`diode/README.md`: What the server enforces), in the Python worker's words. */
export function sinkErrorOf(thrown: unknown): SinkError {
  if (thrown instanceof SinkError) return thrown;
  if (thrown instanceof UnavailableError)
    return new SinkError('unavailable', thrown.message, { cause: thrown });
  if (!(thrown instanceof CallFailure)) {
    return new SinkError('rejected', `Ingest transport error: ${messageOf(thrown)}`, { cause: thrown });
  }
  const { status, message } = thrown;
  const text = NAMED_TRANSIENT.includes(status)
    ? `Transient ingest failure (${status}): ${message}`
    : `Ingest transport error: ${message === '' ? status : `${status}: ${message}`}`;
  const isUnsent = UNSENT.test(message);
  return new SinkError(kindOf(status, message), text, {
    cause: thrown,
    refusal: refusalOf(message),
    isUnsent,
  });
}

function refusalOf(message: string): Refusal {
  if (OF_THE_SIZE.test(message)) return { of: 'size' };
  const entities = namedEntities([message]);
  return entities === undefined ? { of: 'unknown' } : { of: 'named', entities, othersTaken: false };
}

function kindOf(status: string, message: string): SinkError['kind'] {
  if (OF_THE_CONFIGURATION.includes(status)) return 'fatal';
  if (OF_THE_SIZE.test(message) || OF_THE_MESSAGE.test(message)) return 'rejected';
  return PASSING.includes(status) ? 'unavailable' : 'rejected';
}
