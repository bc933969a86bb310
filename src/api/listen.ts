import type { FastifyInstance } from 'fastify';
import { messageOf, StartError } from '../errors.ts';
import type { ApiParts } from './api-parts.ts';
import { isLoopback } from './provenance.ts';

/**
 * Listens, and says in the log where; warns of an address that others can reach (design: trust).
 * Rejects with a {@link StartError} of exit status 1 that says what is wrong with the address.
 */
export async function listen(
  app: FastifyInstance,
  { locks, log }: ApiParts,
  host: string,
  port: number,
): Promise<{ host: string; port: number }> {
  try {
    await app.listen({ host, port });
  } catch (error) {
    throw new StartError(1, `cannot listen on ${inUrl(host)}:${port}: ${whyNot(error)}`, { cause: error });
  }
  const taken = takenAddress(app);
  const url = `${locks.tls === undefined ? 'http' : 'https'}://${inUrl(taken.host)}:${taken.port}`;
  log.info({ module: 'api' }, `Listening on ${url}`);
  if (isLoopback(taken.host)) return taken;
  if (!locks.areLocked) {
    log.warn(
      { module: 'api' },
      `Whoever reaches ${url} can apply and delete policies: without --api-token or --tls-client-ca it asks for no credentials`,
    );
  } else if (locks.tls === undefined) {
    log.info({ module: 'api' }, 'Tokens cross the network in the clear: --tls-cert and --tls-key hide them');
  }
  return taken;
}

function takenAddress(app: FastifyInstance): { host: string; port: number } {
  const address = app.server.address();
  if (address === null || typeof address === 'string') throw new TypeError('the API listens on no TCP port');
  return { host: address.address, port: address.port };
}

function inUrl(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

const reasons: Record<string, string> = {
  EADDRINUSE: 'the port is in use',
  EACCES: 'no permission to take this port',
  EADDRNOTAVAIL: 'no interface of this machine has this address',
  ENOTFOUND: 'the host name is not known',
  EAI_AGAIN: 'the host name cannot be looked up',
};

function whyNot(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return reasons[code] ?? messageOf(error);
}
