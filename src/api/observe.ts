import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import type { Events } from '../events.ts';
import type { RouteTable } from './route-table.ts';
import { pathOf } from './url.ts';

/** One name for all that is no route of ours, so that strangers cannot fill the metrics. */
const NO_ROUTE = '(none)';

/** Tells of an answered request: an event always, a line at debug level. */
export function observeAnswer(
  { events, log }: { events: Events; log: Logger },
  routes: RouteTable,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const route = request.routeOptions.url ?? routes.find(pathOf(request.url))?.template ?? NO_ROUTE;
  const { method } = request;
  const { statusCode, elapsedTime: durationMs } = reply;
  events.emit('api:answered', { route, method, statusCode, durationMs });
  if (log.isLevelEnabled('debug')) {
    log.debug({ module: 'api', method, url: request.url, statusCode, durationMs }, 'Request answered');
  }
}
