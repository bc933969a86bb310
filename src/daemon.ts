import type { Logger } from 'pino';
import type { Clock } from './clock.ts';
import type { DaemonOptions } from './options.ts';

/** What a daemon takes from the process around it. */
export interface Surroundings {
  readonly clock: Clock;
  readonly log: Logger;
  readonly env: NodeJS.ProcessEnv;
}

/** A daemon that listens. */
export interface Daemon {
  readonly host: string;
  /** The port it listens on, chosen by the system when 0 was asked for. */
  readonly port: number;
  /** Stops everything within `--stop-timeout` and says in the log what was lost; resolves when nothing is left. */
  stop(): Promise<void>;
}

/** Starts a daemon; rejects with a `StartError` and leaves nothing behind when it cannot. */
export function startDaemon(_options: DaemonOptions, _surroundings: Surroundings): Promise<Daemon> {
  return Promise.reject(new Error('not built yet'));
}
