import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Logger } from 'pino';
import type { Clock, Timer } from '../clock.ts';
import { messageOf } from '../errors.ts';

/** The service manager that started the daemon, where one did and wants to be told. */
export interface ServiceManager {
  /** The daemon is up. From here on the watchdog, if there is one, is fed for as long as the event loop turns. */
  ready(): Promise<void>;
  /** The daemon begins to stop: how long that may take is the manager's affair now, the watchdog is left alone. */
  stopping(): Promise<void>;
}

interface Surroundings {
  readonly env: NodeJS.ProcessEnv;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A manager that takes longer than this to read a message is not waited for. */
const LONGEST_TELLING_MS = 2_000;

/**
 * Speaks systemd's notification protocol (sd_notify(3)) where `NOTIFY_SOCKET` is set; otherwise does nothing.
 * Its methods never reject: a manager that cannot be told is a line in the log.
 */
export function notifySystemd({ env, clock, log }: Surroundings): ServiceManager {
  const beatEveryMs = watchdogIntervalMs(env);
  let nextBeat: Timer | undefined;
  let told = Promise.resolve();

  const sayFault = (state: string, error: unknown): void =>
    log.warn({ module: 'systemd' }, `systemd could not be told ${state}: ${messageOf(error)}`);
  // One after another: a stop that follows the start at once must not overtake it.
  const tell = (state: string): Promise<void> => {
    if (env.NOTIFY_SOCKET) {
      told = told.then(() => send(state, env)).catch((error) => sayFault(state, error));
    }
    return told;
  };
  const beatOn = (): void => {
    if (beatEveryMs === undefined) return;
    nextBeat = clock.after(beatEveryMs, () => {
      void tell('WATCHDOG=1');
      beatOn();
    });
  };

  return {
    ready: () => {
      beatOn();
      return tell('READY=1');
    },
    stopping: () => {
      nextBeat?.cancel();
      return tell('STOPPING=1');
    },
  };
}

/**
 * The socket takes datagrams only, which Node cannot send; systemd brings a program that can, for every kind of
 * address. It returns when systemd has read the message, so that the sender is still there to be recognised.
 */
async function send(state: string, env: NodeJS.ProcessEnv): Promise<void> {
  const { PATH, NOTIFY_SOCKET } = env;
  await promisify(execFile)('systemd-notify', [state], {
    env: { PATH, NOTIFY_SOCKET },
    timeout: LONGEST_TELLING_MS,
    killSignal: 'SIGKILL',
  });
}

/** Half of what the watchdog allows (sd_watchdog_enabled(3)); undefined when it does not watch this process. */
function watchdogIntervalMs({ WATCHDOG_USEC, WATCHDOG_PID }: NodeJS.ProcessEnv): number | undefined {
  const allowedUs = Number(WATCHDOG_USEC);
  const watchesUs = WATCHDOG_PID === undefined || WATCHDOG_PID === String(process.pid);
  return watchesUs && allowedUs > 0 ? allowedUs / 2_000 : undefined;
}
