import type { Logger } from 'pino';
import { createApi, openLocks, type Readiness } from './api/create-api.ts';
import { warnOfBackendsDir, warnOfRoot } from './backend/bundles.ts';
import { childEnvironment } from './backend/child-environment.ts';
import { lazyBackendHost } from './backend/lazy-host.ts';
import type { Clock } from './clock.ts';
import type { DeliveryTotals } from './delivery/contract.ts';
import { createDelivery } from './delivery/create-delivery.ts';
import { StartError } from './errors.ts';
import { Events } from './events.ts';
import { giveBackAtRest } from './give-back-at-rest.ts';
import { goOn } from './go-on.ts';
import { madeLate } from './load-late.ts';
import type { DaemonOptions } from './options.ts';
import type { PolicyReader } from './policy/policy-reader.ts';
import { createPolicyRegistry } from './policy/registry.ts';
import { type Phase, readinessOf } from './readiness.ts';
import type { StopReport } from './run/contract.ts';
import { createRunCoordinator } from './run/coordinator.ts';
import { createRunHistory } from './run/history.ts';
import type { Secrets } from './secrets.ts';
import { type Sink, SinkError } from './sink/contract.ts';
import { createSink } from './sink/create-sink.ts';
import { unlessAborted } from './sink/unless-aborted.ts';
import type { State } from './state/contract.ts';
import { logEvents } from './telemetry/event-log.ts';
import { lazyScrape } from './telemetry/prometheus/lazy-scrape.ts';
import { Tally } from './telemetry/tally.ts';
import { readVersion } from './version.ts';

/** What a daemon takes from the process around it. */
export interface Surroundings {
  readonly clock: Clock;
  readonly log: Logger;
  readonly env: NodeJS.ProcessEnv;
  /** What the log, and everything else that is written for others, is cleaned of. */
  readonly secrets: Secrets;
  /** Lines that the log's reader was too slow for, so far. */
  readonly droppedLogLines: () => number;
  /** Aborts when the daemon is told to stop, be it while it starts. */
  readonly stopRequested: AbortSignal;
}

/** A daemon that listens. */
export interface Daemon {
  readonly host: string;
  /** The port it listens on, chosen by the system when 0 was asked for. */
  readonly port: number;
  /** Stops everything within `--stop-timeout` and says in the log what was lost; resolves when nothing is left. */
  stop(): Promise<void>;
  /** What is left if it ends now, as the end of a log line; `''`: nothing. */
  leftInWords(): string;
}

type Undo = () => unknown;

/** Of `--stop-timeout`, what runs and deliveries get; the rest is for closing sockets and ending children. */
const RUNS_SHARE_OF_STOP = 0.8;

/**
 * Starts a daemon; rejects and leaves nothing behind when it cannot, with a `StartError`, or when it is to stop, with
 * the reason of `stopRequested`.
 */
export async function startDaemon(options: DaemonOptions, surroundings: Surroundings): Promise<Daemon> {
  const undo: Undo[] = [];
  try {
    return await buildDaemon(options, surroundings, undo);
  } catch (error) {
    await runAll(undo, surroundings.log);
    throw error;
  }
}

async function buildDaemon(
  options: DaemonOptions,
  surroundings: Surroundings,
  undo: Undo[],
): Promise<Daemon> {
  const { clock, log, env, secrets, droppedLogLines, stopRequested } = surroundings;
  const version = readVersion();
  let phase: Phase = 'starting';

  const events = new Events((name, fault) =>
    log.error({ module: 'events', err: fault }, `A listener of ${name} failed`),
  );
  undo.unshift(logEvents(events, log, clock));
  undo.unshift(giveBackAtRest(clock, events));
  const tally = new Tally(events, clock.now());
  if (options.otelEndpoint !== undefined) {
    undo.unshift(await beginMetrics(options.otelEndpoint, options, surroundings, tally, version));
  }

  // Whoever mistyped a file learns of it before anybody is sent credentials.
  const locks = await openLocks(options, surroundings);
  undo.unshift(() => locks.stop());

  const state = await openData(options, surroundings);
  if (state) undo.unshift(() => state.close());
  stopRequested.throwIfAborted();

  const sink = await createSink(options, { clock, log, env, secrets, version });
  undo.unshift(() => sink.close());
  await unlessAborted(startSink(sink), stopRequested);

  const spool = state && { store: state.batches, maxUnsentBytes: state.spoolBytes };
  const delivery = createDelivery({ sink, clock, log, ...spool });
  undo.unshift(() => delivery.stop());

  const host = lazyBackendHost({
    clock,
    log,
    bundlesRoot: options.bundlesRoot,
    backendsDirs: options.backendsDirs,
    workingDirectory: process.cwd(),
    memoryMiB: options.backendMemoryMiB,
    env: childEnvironment(env, options.secretVariables),
  });
  undo.unshift(() => host.stop());

  if (options.bundlesRoot !== undefined) void warnOfRoot(options.bundlesRoot, log);
  for (const directory of options.backendsDirs) void warnOfBackendsDir(directory, log);

  const history = createRunHistory({ events, clock, archive: state?.runs });
  const coordinator = createRunCoordinator({
    clock,
    log,
    events,
    delivery,
    encoding: sink.encoding,
    closeBatchAfterMs: options.dryRun ? undefined : 1_000,
    concurrency: options.concurrency,
    runTimeoutMs: options.runTimeoutMs,
  });

  const registry = createPolicyRegistry({
    clock,
    log,
    events,
    host,
    coordinator,
    history,
    reader: madeLate(() => loadReader(env, options.allowEnv)),
    store: state?.policies,
  });

  const readiness = (): Readiness => readinessOf(phase, { sink, delivery, state, registry, locks, host });
  const isStopping = (): boolean => phase === 'stopping';
  const scrape = lazyScrape({
    tally,
    registry,
    host,
    delivery,
    state,
    sink,
    droppedLogLines,
    clock,
    version,
    isStopping,
  });
  const api = createApi({
    registry,
    history,
    cancelRun: (id, reason) => coordinator.cancelRun(id, reason),
    delivery,
    state,
    events,
    readiness,
    crashWaits: () => host.crashWaits(),
    scrape,
    locks,
    clock,
    log,
    version,
  });
  undo.unshift(() => api.close());
  // Whoever applies policies right after the start meets those of the earlier life.
  if (state) await goOn(state, { history, coordinator, delivery, registry }, stopRequested);
  stopRequested.throwIfAborted();
  const address = await api.listen(options.host, options.port);
  phase = 'ready';

  let stopped: Promise<void> | undefined;
  let leftInWords = (): string =>
    inWords(delivery.totals(), state ? 'wait on disk' : 'not delivered').join(', ');
  const stop = async (): Promise<void> => {
    phase = 'stopping';
    registry.stop();
    const report = await coordinator.stop(options.stopTimeoutMs * RUNS_SHARE_OF_STOP, (graceMs) =>
      registry.tearDown(graceMs),
    );
    leftInWords = () => partsOf(report).join(', ');
    await runAll(undo, log);
    log.info({ module: 'daemon' }, describeStop(report));
  };
  return {
    ...address,
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
    leftInWords: () => leftInWords(),
  };
}

/** The data directory, where there is to be one; a daemon without does not load what it takes. */
async function openData(
  { dataDir: directory, historyRuns, historyAgeMs, dataMaxBytes }: DaemonOptions,
  { clock, log }: Surroundings,
): Promise<State | undefined> {
  if (directory === undefined) return undefined;
  const { openState } = await import('./state/open-state.ts');
  return await openState({ directory, clock, log, bounds: { historyRuns, historyAgeMs, dataMaxBytes } });
}

/** What reads policies takes long to load, and a daemon that starts has none to read. */
async function loadReader(env: NodeJS.ProcessEnv, allowEnv: readonly string[]): Promise<PolicyReader> {
  const [{ createPolicyReader }, { hostTimezone }] = await Promise.all([
    import('./policy/policy-reader.ts'),
    import('./policy/timezone.ts'),
  ]);
  return createPolicyReader({ env, allowEnv, hostTimezone: hostTimezone() });
}

async function beginMetrics(
  endpoint: string,
  options: DaemonOptions,
  { clock, log }: Surroundings,
  tally: Tally,
  version: string,
): Promise<Undo> {
  const { startMetrics } = await import('./telemetry/metrics.ts');
  const metrics = startMetrics({
    endpoint,
    periodSeconds: options.otelExportPeriodSeconds,
    tally,
    log,
    clock,
    version,
  });
  return () => metrics.stop();
}

/** A sink that can never work stops the start; one that is only away does not (sheet: Command line). */
async function startSink(sink: Sink): Promise<void> {
  try {
    await sink.start();
  } catch (error) {
    if (error instanceof SinkError) throw new StartError(1, error.message, { cause: error });
    throw error;
  }
}

async function runAll(undo: Undo[], log: Logger): Promise<void> {
  for (const step of undo.splice(0)) {
    try {
      await step();
    } catch (error) {
      log.error({ module: 'daemon', err: error }, 'A part did not stop as it should');
    }
  }
}

function describeStop(report: StopReport): string {
  const parts = partsOf(report);
  return parts.length === 0 ? 'Stopped, nothing was left' : `Stopped: ${parts.join(', ')}`;
}

function partsOf({ cancelledRuns, delivery }: StopReport): string[] {
  return [
    ...(cancelledRuns > 0 ? [`${inDigits(cancelledRuns)} runs cancelled`] : []),
    ...inWords(delivery.left, 'wait on disk'),
    ...inWords(delivery.lost, 'not delivered'),
  ];
}

function inWords({ waitingBatches, waitingEntities }: DeliveryTotals, what: string): string[] {
  if (waitingBatches === 0) return [];
  return [`${inDigits(waitingBatches)} batches with ${inDigits(waitingEntities)} entities ${what}`];
}

const inDigits = (number: number): string => number.toLocaleString('en');
