import type { FastifyInstance } from 'fastify';
import type { ApiParts } from './api-parts.ts';
import { statusExtras } from './status-extras.ts';
import { StatusText } from './status-text.ts';

/** The last body, and what it was made of. */
interface Shown {
  readonly seconds: number;
  readonly list: readonly Buffer[];
  readonly body: Buffer;
}

/** `GET /api/v1/status`: upstream's fields, and the policies with their latest runs. */
export function serveStatus(app: FastifyInstance, parts: ApiParts): void {
  const { registry, history, clock, version } = parts;
  const startedAt = clock.monotonic();
  const startTime = new Date(clock.now()).toISOString();
  const head = `{"version":${JSON.stringify(version)},"start_time":"${startTime}","up_time_seconds":`;
  const policies = new StatusText(registry, history);
  let shown: Shown = { seconds: -1, list: [], body: Buffer.alloc(0) };

  app.get('/api/v1/status', (_request, reply) => {
    const seconds = Math.floor((clock.monotonic() - startedAt) / 1000);
    const list = policies.list();
    if (shown.seconds !== seconds || shown.list !== list) {
      const body = Buffer.concat([
        Buffer.from(`${head}${seconds},"policies":`),
        ...list,
        Buffer.from(`${statusExtras(parts)}}`),
      ]);
      shown = { seconds, list, body };
    }
    reply.header('content-type', 'application/json; charset=utf-8').send(shown.body);
  });
}
