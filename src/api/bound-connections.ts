import type { FastifyInstance } from 'fastify';
import { mostOpenFiles } from '../open-files.ts';
import { Fold } from '../telemetry/fold.ts';
import type { ApiParts } from './api-parts.ts';

/** What connections leave of the files that may be open: for children, the data directory, the receiver, parts loaded late. */
const SPARED_FILES = 512;

/**
 * Turns away connections before they take the last files that the daemon may open. Without any, no run can begin, and
 * a part of the program that cannot be loaded then is not tried again by Node 22.
 */
export function boundConnections(
  app: FastifyInstance,
  { clock, log }: Pick<ApiParts, 'clock' | 'log'>,
): void {
  const mostFiles = mostOpenFiles();
  if (mostFiles === undefined) return;
  const most = mostConnections(mostFiles);
  const fold = new Fold(clock);
  const ours = log.child({ module: 'api' });
  app.addHook('onClose', () => fold.stop());
  app.server.maxConnections = most;
  app.server.on('drop', () => {
    const message = `Turned a connection away: ${most} are open, and of ${mostFiles} open files the daemon needs the rest`;
    fold.write(ours, 'warn', 'drop', message);
  });
}

/** Where few files may be open, connections get half of them. */
function mostConnections(mostFiles: number): number {
  return Math.max(mostFiles - SPARED_FILES, Math.floor(mostFiles / 2));
}
