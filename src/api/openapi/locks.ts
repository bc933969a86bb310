import { detail } from './responses.ts';
import type { Method, Operation, PathItem, SecurityNeed } from './types.ts';

/** What a daemon with locks asks for: one of these. */
export const securitySchemes = {
  token: {
    type: 'http',
    scheme: 'bearer',
    description: 'One of --api-token, or to look (GET) one of --api-read-token.',
  },
  certificate: { type: 'mutualTLS', description: 'Signed by an authority of --tls-client-ca.' },
};

/** The last one stands for a daemon without locks. */
export const security: readonly SecurityNeed[] = [{ token: [] }, { certificate: [] }, {}];

const PROBES = ['/healthz', '/readyz'];

/** Adds to every route what it answers those who may not call it; probes may always. */
export function withLocks(paths: Readonly<Record<string, PathItem>>): Record<string, PathItem> {
  return Object.fromEntries(
    Object.entries(paths).map(([path, item]) => [path, PROBES.includes(path) ? opened(item) : locked(item)]),
  );
}

function opened(item: PathItem): PathItem {
  return mapOperations(item, (operation) => ({ ...operation, security: [] }));
}

function locked(item: PathItem): PathItem {
  return mapOperations(item, (operation, method) => ({
    ...operation,
    responses: {
      ...(method === 'get'
        ? {}
        : detail(
            403,
            'A token that may only look',
            'this token may only look: it takes no other method than GET',
          )),
      ...operation.responses,
      ...detail(401, 'No token or certificate that is known here', 'this needs a bearer token'),
    },
  }));
}

function mapOperations(
  { parameters, ...methods }: PathItem,
  change: (operation: Operation, method: Method) => Operation,
): PathItem {
  const changed = (Object.entries(methods) as [Method, Operation][]).map(
    ([method, operation]) => [method, change(operation, method)] as const,
  );
  return { ...(parameters === undefined ? {} : { parameters }), ...Object.fromEntries(changed) };
}
