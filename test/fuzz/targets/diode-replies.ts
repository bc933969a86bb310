import { SinkError } from '../../../src/sink/contract.ts';
import { describeIngestErrors, readIngestErrors } from '../../../src/sink/diode/reply.ts';
import { CallFailure, sinkErrorOf } from '../../../src/sink/grpc/call-failure.ts';
import { readPartialSuccess } from '../../../src/sink/otlp/reply.ts';
import { type FuzzTarget, pureTrial, refusalOf } from '../support/target.ts';

/** More than any reason needs. */
const LONGEST_REASON = 100_000;

/** The bytes of a reply, or of the details of a failure, of Diode or a collector. */
export const target: FuzzTarget = {
  name: 'diode-replies',
  limitMs: 1_000,
  words: [
    '\n',
    '\n\u0004oops',
    '\u0008\u0001',
    '\u0012',
    '\u0007',
    '\r',
    'larger than max',
    '\0',
    '"',
    "'",
    '\\',
    '\u007f',
  ],
  open: async () => pureTrial(tryReply),
};

function tryReply(input: Buffer): void {
  refusalOf(() => {
    const reason = describeIngestErrors(readIngestErrors(input));
    if (reason.length > LONGEST_REASON) throw new Error(`a reason of ${reason.length} characters`);
  }, RangeError);
  refusalOf(() => readPartialSuccess(input), RangeError);
  const failure = new CallFailure(input[0] ?? 0, input.toString());
  const { kind, message } = sinkErrorOf(failure);
  if (!['unavailable', 'rejected', 'fatal'].includes(kind)) throw new SinkError(kind, message);
  if (message.length > LONGEST_REASON) throw new Error(`a reason of ${message.length} characters`);
}
