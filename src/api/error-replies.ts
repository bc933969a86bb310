import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { RequestError } from '../errors.ts';

interface ErrorReply {
  readonly statusCode: number;
  readonly detail: unknown;
}

/** What Fastify finds wrong with a request, by its codes. */
const frameworkReplies: Record<string, ErrorReply> = {
  FST_ERR_CTP_BODY_TOO_LARGE: { statusCode: 413, detail: 'the body is larger than 16 MiB' },
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: {
    statusCode: 400,
    detail: 'the body is not as long as Content-Length says',
  },
};

/** Nobody is left to read it. */
const broken: ErrorReply = { statusCode: 400, detail: 'the connection ended within the body' };

const fault: ErrorReply = { statusCode: 500, detail: 'Internal Server Error' };

/** Answers whatever a handler throws: what the client did wrong as it is, a fault of ours without a word of it. */
export function answerError(log: Logger, error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const known = request.raw.readableAborted ? broken : replyTo(error);
  const { method, url } = request;
  if (known === undefined) log.error({ module: 'api', err: error, method, url }, 'A request failed');
  const { statusCode, detail } = known ?? fault;
  // Fastify closes the connection where it left a body unread, and a client that still sends would lose the
  // answer: what comes is dropped instead, for as long as a request may take.
  reply.removeHeader('connection');
  reply.code(statusCode).send({ detail });
}

function replyTo(error: unknown): ErrorReply | undefined {
  if (error instanceof RequestError) return error;
  return error instanceof Error && 'code' in error ? frameworkReplies[String(error.code)] : undefined;
}
