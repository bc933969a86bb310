import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Fold } from '../telemetry/fold.ts';
import type { ApiParts } from './api-parts.ts';
import type { ClientCertificates } from './locks/client-certificates.ts';
import type { Rights } from './locks/token-table.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Whether it showed a token or a certificate that lets it in. */
    isAuthenticated: boolean;
  }
}

/** For probes, which have no credentials. */
const OPEN_ROUTES: readonly (string | undefined)[] = ['/healthz', '/readyz'];

type Admission = { readonly rights: Rights } | { readonly refusal: string };

/**
 * Refuses strangers before anything of their request is read, whatever they call: 401; and those who may only look
 * whatever is no GET: 403.
 */
export function lockRoutes(
  app: FastifyInstance,
  { locks, log, clock }: ApiParts,
  certificates: ClientCertificates | undefined,
): void {
  app.decorateRequest('isAuthenticated', false);
  if (!locks.areLocked) return;

  const admit = (request: FastifyRequest): Admission => {
    const { headers } = request;
    const shown = certificates?.stateOf(request.raw.socket, headers) ?? 'none';
    if (shown === 'good') return { rights: 'full' };
    const token = bearerToken(headers.authorization);
    const rights = token === undefined ? undefined : locks.tokens.rightsOf(token);
    if (rights !== undefined) return { rights };
    if (token !== undefined) return { refusal: 'this token opens nothing here' };
    if (shown !== 'none') return { refusal: `the client certificate is not accepted: ${shown.fault}` };
    return { refusal: wanted(locks.tokens.areAsked, certificates !== undefined) };
  };

  const fold = new Fold(clock);
  const refusals = log.child({ module: 'api' });
  app.addHook('onClose', () => fold.stop());
  const refuse = (request: FastifyRequest, reply: FastifyReply, detail: string): void => {
    const { socket, method, routeOptions } = request;
    const what = `${method} ${routeOptions.url ?? '(no route)'} from ${socket.remoteAddress}`;
    fold.write(refusals, 'warn', detail, `Refused ${what}: ${detail}`);
    reply.code(401).header('www-authenticate', 'Bearer').send({ detail });
  };

  app.addHook('onRequest', (request, reply, done) => {
    if (OPEN_ROUTES.includes(request.routeOptions.url)) return done();
    const admission = admit(request);
    if ('refusal' in admission) return refuse(request, reply, admission.refusal);
    if (admission.rights === 'read' && request.method !== 'GET') {
      reply.code(403).send({ detail: 'this token may only look: it takes no other method than GET' });
      return;
    }
    request.isAuthenticated = true;
    done();
  });
}

/** Its scheme in any case (RFC 9110). */
function bearerToken(authorization: string | undefined): string | undefined {
  return /^bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
}

function wanted(token: boolean, certificate: boolean): string {
  const ways = [...(token ? ['a bearer token'] : []), ...(certificate ? ['a client certificate'] : [])];
  return `this needs ${ways.join(' or ')}`;
}
