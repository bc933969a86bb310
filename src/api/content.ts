import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** The types that a policy document may come as; upstream names the first. */
const yamlTypes = new Set(['application/x-yaml', 'application/yaml']);

/** Refuses, before anything of the body is read, what does not say that it is plain YAML (sheet: REST, POST). */
export function requireYaml(request: FastifyRequest, reply: FastifyReply, done: () => void): void {
  const { headers } = request;
  if (!yamlTypes.has(mediaType(headers['content-type']))) {
    reply.code(400).send({ detail: "invalid Content-Type. Only 'application/x-yaml' is supported" });
    return;
  }
  const coding = codingOf(headers);
  if (coding !== undefined) {
    reply.code(415).send({ detail: `a body in '${coding}' coding is not read: send it uncompressed` });
    return;
  }
  // Accepted: Fastify would look at the parameters once more, and refuse those that it cannot read.
  delete headers['content-type'];
  done();
}

/** For routes that need no body: whatever comes as one is read over, and its type is nobody's business. */
export function ignoreBody({ headers }: FastifyRequest, _reply: FastifyReply, done: () => void): void {
  delete headers['content-type'];
  done();
}

/** The type alone, in lower case: parameters and case do not count. */
function mediaType(contentType = ''): string {
  return (contentType.split(';', 1)[0] ?? '').trim().toLowerCase();
}

/** The coding that hides the body's bytes, if any. */
function codingOf(headers: IncomingHttpHeaders): string | undefined {
  const codings = `${headers['content-encoding'] ?? ''},${headers['transfer-encoding'] ?? ''}`
    .split(',')
    .map((coding) => coding.trim().toLowerCase());
  return codings.find((coding) => !['', 'identity', 'chunked'].includes(coding));
}
