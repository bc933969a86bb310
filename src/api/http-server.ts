import type http from 'node:http';
import { type FastifyInstance, type FastifyServerOptions, fastify } from 'fastify';
import { settlesWithin } from '../clock.ts';
import type { ApiParts } from './api-parts.ts';
import { boundConnections } from './bound-connections.ts';
import { answerBrokenRequest, HEADER_FIELDS, TOO_MUCH_HEAD } from './broken-request.ts';
import { answerError } from './error-replies.ts';
import { createHttpsServer } from './https-server.ts';
import { LatestReplies } from './latest-replies.ts';
import { lockRoutes } from './lock-routes.ts';
import { ClientCertificates } from './locks/client-certificates.ts';
import type { Locks } from './locks/open-locks.ts';
import { observeAnswer } from './observe.ts';
import { RouteTable } from './route-table.ts';
import { answerUnmatched } from './unmatched.ts';
import { pathOf, withReadableEscapes } from './url.ts';

const BODY_BYTES = 16 * 1024 * 1024;
/** Path and headers; a name of 10,000 characters takes up to 120,000 bytes in a path. */
const HEADER_BYTES = 128 * 1024;

/** How long a client is waited for. */
export interface HttpLimits {
  /** From the connection, or the request before, to the end of the headers. */
  readonly headersMs: number;
  /** For a whole request, its body included. */
  readonly requestMs: number;
  /** How often slow clients are looked for. */
  readonly checkMs: number;
  /** Between two requests of a connection. */
  readonly idleMs: number;
  /** While nothing moves on a connection: a client that takes nothing of its answer is not kept for ever. */
  readonly stalledMs: number;
  /** What requests under way get when the server closes. */
  readonly closeMs: number;
}

export const defaultLimits: HttpLimits = {
  headersMs: 15_000,
  requestMs: 120_000,
  checkMs: 5_000,
  idleMs: 72_000,
  stalledMs: 600_000,
  closeMs: 200,
};

/** A server without routes that answers as upstream whatever Fastify would answer in its own way. */
export function createHttpServer(parts: ApiParts, limits: HttpLimits): FastifyInstance {
  const { clock, log, locks } = parts;
  const replies = new LatestReplies();
  const certificates = locks.tls && new ClientCertificates(locks.tls, clock);
  const app = fastify({
    ...transportOf(locks, certificates, limits),
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.idleMs,
    bodyLimit: BODY_BYTES,
    exposeHeadRoutes: false,
    forceCloseConnections: true,
    return503OnClosing: false,
    routerOptions: { maxParamLength: HEADER_BYTES },
    schemaController: { compilersFactory: { buildValidator: noSchemas, buildSerializer: noSchemas } },
    rewriteUrl: ({ url = '/' }) => withReadableEscapes(url),
    clientErrorHandler: ({ code }, socket) =>
      answerBrokenRequest(clock, code, socket, replies.before(socket)),
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  app.addHttpMethod('DELETE', { hasBody: false, overrideExisting: true });
  app.setErrorHandler((error, request, reply) => answerError(log, error, request, reply));
  // Upstream reads such a request like every other one; Node would answer it by itself.
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response));
  app.server.setTimeout(limits.stalledMs);
  boundConnections(app, parts);
  refuseManyFields(app);
  closeGently(app, parts, limits.closeMs);
  app.addHook('onRequest', (request, reply, done) => {
    replies.note(request.raw, reply.raw);
    reply.header('x-content-type-options', 'nosniff');
    done();
  });
  lockRoutes(app, parts, certificates);
  answerWhatNoRouteTakes(app, parts);
  return app;
}

/**
 * Node reads so many header fields; what it does with more depends on its version: since 24.18.1 and 22.23.2 it refuses
 * the request, before it dropped them without a word, be they the ones that matter.
 */
function refuseManyFields(app: FastifyInstance): void {
  // One more is read, by which those that are too many are known.
  app.server.maxHeadersCount = HEADER_FIELDS + 1;
  app.addHook('onRequest', (request, reply, done) => {
    if (request.raw.rawHeaders.length <= 2 * HEADER_FIELDS) return done();
    const { statusCode, detail } = TOO_MUCH_HEAD;
    reply.code(statusCode).header('connection', 'close').send({ detail });
  });
}

/** No route has a JSON schema: requests are checked where they are read. Fastify's compilers take long to load. */
function noSchemas(): never {
  throw new Error('a route has a JSON schema, and nothing to compile it with');
}

function transportOf(
  { tls }: Locks,
  certificates: ClientCertificates | undefined,
  limits: HttpLimits,
): Pick<FastifyServerOptions, 'serverFactory'> & { http?: http.ServerOptions } {
  const options = {
    maxHeaderSize: HEADER_BYTES,
    headersTimeout: limits.headersMs,
    connectionsCheckingInterval: limits.checkMs,
    requireHostHeader: false,
  };
  if (tls === undefined || certificates === undefined) return { http: options };
  const { requestMs: requestTimeout, idleMs: keepAliveTimeout, headersMs: handshakeTimeout } = limits;
  const httpsOptions = { ...options, requestTimeout, keepAliveTimeout, handshakeTimeout };
  return { serverFactory: (onRequest) => createHttpsServer(tls, certificates, httpsOptions, onRequest) };
}

function answerWhatNoRouteTakes(app: FastifyInstance, parts: ApiParts): void {
  const routes = new RouteTable();
  app.addHook('onRoute', ({ method, url }) => routes.add(String(method), url));
  // Before the body is read: nobody wants it. Fastify's router takes `/policies/` for a policy without a name.
  app.addHook('onRequest', (request, reply, done) => {
    if (request.is404 || pathOf(request.url).endsWith('/')) answerUnmatched(routes, request, reply);
    else done();
  });
  app.addHook('onResponse', (request, reply, done) => {
    observeAnswer(parts, routes, request, reply);
    done();
  });
}

/** While the server closes, what is under way gets `closeMs`, what comes new is refused; then every connection ends. */
function closeGently(app: FastifyInstance, { clock }: ApiParts, closeMs: number): void {
  const quiet = Promise.withResolvers<void>();
  let underWay = 0;
  let closing = false;
  app.addHook('onRequest', (_request, reply, done) => {
    underWay += 1;
    reply.raw.once('close', () => {
      underWay -= 1;
      if (closing && underWay === 0) quiet.resolve();
    });
    if (closing) reply.code(503).send({ detail: 'the daemon is stopping' });
    else done();
  });
  app.addHook('preClose', async () => {
    closing = true;
    if (underWay > 0) await settlesWithin(clock, closeMs, quiet.promise);
  });
}
