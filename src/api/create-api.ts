import type { ApiParts } from './api-parts.ts';
import { serveDocs } from './docs.ts';
import { serveHealth } from './health.ts';
import { createHttpServer, defaultLimits, type HttpLimits } from './http-server.ts';
import { serveLetters } from './letters.ts';
import { listen } from './listen.ts';
import { serveMetrics } from './metrics.ts';
import { servePolicies } from './policies.ts';
import { serveRuns } from './runs.ts';
import { serveStatus } from './status.ts';
import { serveTrace } from './trace.ts';

export type { Readiness } from './api-parts.ts';
export { type Locks, openLocks } from './locks/open-locks.ts';

/** The daemon's REST API. */
export interface Api {
  /**
   * Starts listening and resolves to the address that was taken; port 0 takes a free one.
   * Rejects with a `StartError` of exit status 1 that says what is wrong with the address.
   */
  listen(host: string, port: number): Promise<{ host: string; port: number }>;
  /** Takes no more requests, gives those under way a moment, then ends every connection. */
  close(): Promise<void>;
}

/** Builds the API; nothing listens yet. */
export function createApi(parts: ApiParts, limits: Partial<HttpLimits> = {}): Api {
  const app = createHttpServer(parts, { ...defaultLimits, ...limits });
  for (const serve of [
    serveStatus,
    servePolicies,
    serveRuns,
    serveTrace,
    serveLetters,
    serveHealth,
    serveMetrics,
    serveDocs,
  ])
    serve(app, parts);
  return {
    listen: (host, port) => listen(app, parts, host, port),
    close: () => app.close(),
  };
}
