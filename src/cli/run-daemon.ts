import { once } from 'node:events';
import module from 'node:module';
import type { Logger } from 'pino';
import { systemClock } from '../clock.ts';
import { startDaemon } from '../daemon.ts';
import { messageOf, StartError } from '../errors.ts';
import type { DaemonOptions } from '../options.ts';
import { Secrets } from '../secrets.ts';
import { createLog } from '../telemetry/log.ts';
import { Stderr } from '../telemetry/stderr.ts';
import { notifySystemd } from './notify-systemd.ts';
import { warnOfVariables } from './warn-of-variables.ts';

/** What a shell reports of a program that a signal ended. */
const SIGNAL_STATUS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 };

/** Runs a daemon until SIGTERM, SIGINT or, when its terminal is closed, SIGHUP, then ends the process: 0 once it has stopped. */
export async function runDaemon(options: DaemonOptions, env: NodeJS.ProcessEnv): Promise<void> {
  const secrets = new Secrets();
  const stderr = new Stderr(systemClock);
  const log = createLog({
    level: options.logLevel,
    format: options.logFormat,
    destination: stderr,
    redact: secrets.redact,
  });
  stderr.onCaughtUp = (count) =>
    log.warn({ module: 'log' }, `${count} log lines were dropped: their reader was too slow`);
  endOnFault(log);
  warnOfVariables(options, env, log);
  let leftInWords = (): string => '';
  const stopRequested = stopSignal((signal) => {
    log.info({ module: 'worker' }, `Ending at once on ${signal}${colonBefore(leftInWords())}`);
    endAtOnce(signal, stderr);
  }, log);
  stopRequested.addEventListener('abort', () => stderr.endWithin(options.stopTimeoutMs));
  const systemd = notifySystemd({ env, clock: systemClock, log });
  try {
    const daemon = await startDaemon(options, {
      clock: systemClock,
      log,
      env,
      secrets,
      droppedLogLines: () => stderr.dropped,
      stopRequested,
    });
    leftInWords = () => daemon.leftInWords();
    // A daemon is often killed before it could write the cache at its end.
    module.flushCompileCache();
    void systemd.ready();
    if (!stopRequested.aborted) await once(stopRequested, 'abort');
    await Promise.all([daemon.stop(), systemd.stopping()]);
    process.exit(0);
  } catch (error) {
    if (error === stopRequested.reason) process.exit(0);
    if (!(error instanceof StartError)) throw error;
    log.error(error.message);
    process.exit(error.exitStatus);
  }
}

/** A fault of ours: nobody knows what state the daemon is in, so it ends. What Node warns of is for developers. */
function endOnFault(log: Logger): void {
  process.on('uncaughtException', (error) => {
    log.fatal({ module: 'worker', err: error }, `Internal error: ${messageOf(error)}`);
    process.exit(1);
  });
  process.on('warning', (warning) => log.debug({ module: 'node', err: warning }, 'Node warns'));
}

type StopSignal = keyof typeof SIGNAL_STATUS;

/** Aborts at the first of these signals; the second ends the process at once. */
function stopSignal(endNow: (signal: StopSignal) => void, log: Logger): AbortSignal {
  const stopping = new AbortController();
  const onSignal = (signal: StopSignal): void => {
    if (stopping.signal.aborted) endNow(signal);
    log.info({ module: 'worker' }, `Stopping on ${signal}`);
    stopping.abort();
  };
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, onSignal);
  return stopping.signal;
}

/** `process.exit` waits for the threads, and one of them may be in a call to a disk that never answers. */
function endAtOnce(signal: StopSignal, stderr: Stderr): void {
  stderr.flushAtEnd();
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
  // The first process of a container is not ended by a signal that it does not listen to.
  process.exit(SIGNAL_STATUS[signal]);
}

function colonBefore(text: string): string {
  return text && `: ${text}`;
}
