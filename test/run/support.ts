import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serialize } from 'node:v8';
import { type Logger, pino } from 'pino';
import { vi } from 'vitest';
import { childEnvironment } from '../../src/backend/child-environment.ts';
import { createBackendHost } from '../../src/backend/create-host.ts';
import type { BackendHost, BackendLease } from '../../src/backend/host.ts';
import { type Clock, systemClock } from '../../src/clock.ts';
import type { Delivery } from '../../src/delivery/contract.ts';
import { createDelivery } from '../../src/delivery/create-delivery.ts';
import { type DaemonEvents, type EventName, Events } from '../../src/events.ts';
import type { RunCoordinator, RunnablePolicy } from '../../src/run/contract.ts';
import { createRunCoordinator } from '../../src/run/coordinator.ts';
import { createRunHistory } from '../../src/run/history.ts';
import type { RestoredHistory } from '../../src/run/memory-history.ts';
import { isFinal, type Run, type RunStatus, type RunTrigger } from '../../src/run/run.ts';
import type { Batch, Sink, SinkError } from '../../src/sink/contract.ts';
import type { State } from '../../src/state/contract.ts';

const BACKENDS = join(import.meta.dirname, 'backends');

/** A sink that keeps what it gets; on command it keeps the sender waiting, or fails. */
class MemorySink implements Sink {
  readonly encoding = 'json';
  readonly acknowledged: Batch[] = [];
  /** What the next batches are refused with. */
  failure: SinkError | undefined;
  #gate = Promise.withResolvers<void>();

  constructor() {
    this.#gate.resolve();
  }

  hold(): void {
    this.#gate = Promise.withResolvers();
  }

  release(): void {
    this.#gate.resolve();
  }

  async start(): Promise<void> {}

  async send(batch: Batch, signal: AbortSignal): Promise<void> {
    const aborted = new Promise((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
    await Promise.race([this.#gate.promise, aborted]);
    if (this.failure) throw this.failure;
    this.acknowledged.push(batch);
  }

  health(): { ok: boolean; reason: string } {
    return { ok: true, reason: '' };
  }

  async close(): Promise<void> {}
}

type Step = readonly [word: string, argument?: unknown];

/** A host whose children stay warm between tests: each of them costs a good part of a second to start. */
export async function openWarmHost(bundlesRoot?: string, clock = systemClock): Promise<BackendHost> {
  const host = createHost(pino({ level: 'silent' }), bundlesRoot, clock);
  await host.open('scripted');
  return host;
}

function createHost(log: Logger, bundlesRoot: string | undefined, clock: Clock): BackendHost {
  return createBackendHost({
    clock,
    log,
    bundlesRoot,
    backendsDirs: [BACKENDS],
    workingDirectory: BACKENDS,
    memoryMiB: 256,
    env: childEnvironment(process.env, []),
  });
}

export interface Settings {
  /** Stays open; undefined: one of its own. */
  readonly host?: BackendHost;
  readonly concurrency?: number;
  readonly runTimeoutMs?: number;
  /** What the coordinator lives by; children and deliveries live by the real one. */
  readonly clock?: Clock;
  /** How long a batch is tried again. */
  readonly patienceMs?: number;
  /** What outlives it; stays open. */
  readonly state?: State;
}

interface LogLine {
  readonly level: number;
  readonly module?: string;
  readonly policy?: string;
  readonly run?: string;
  readonly backend?: string;
  readonly msg: string;
}

/** A real host with real children, a real delivery, and a coordinator over them. */
export class Runs implements AsyncDisposable {
  readonly sink = new MemorySink();
  readonly lines: LogLine[] = [];
  readonly log: Logger = pino(
    { level: 'debug' },
    { write: (line) => void this.lines.push(JSON.parse(line)) },
  );
  readonly events = new Events((_name, fault) => {
    throw fault;
  });
  readonly seen: { name: EventName; run: string }[] = [];
  readonly host: BackendHost;
  readonly history: RestoredHistory;
  readonly delivery: Delivery;
  readonly coordinator: RunCoordinator;
  readonly #ownsHost: boolean;
  readonly #leases: BackendLease[] = [];
  readonly #directory = mkdtempSync(join(tmpdir(), 'runs-'));
  #files = 0;

  constructor(settings: Settings = {}) {
    const { concurrency = Number.POSITIVE_INFINITY, runTimeoutMs, clock = systemClock, state } = settings;
    this.host = settings.host ?? createHost(this.log, undefined, systemClock);
    this.#ownsHost = settings.host === undefined;
    this.history = createRunHistory({ events: this.events, clock: systemClock, archive: state?.runs });
    for (const name of ['run:opened', 'run:started', 'batch:delivered', 'run:finished'] as const) {
      this.events.on(name, ({ run }) => this.seen.push({ name, run: run.id }));
    }
    this.delivery = createDelivery({
      sink: this.sink,
      clock: systemClock,
      log: this.log,
      ...(state && { store: state.batches }),
      ...(settings.patienceMs !== undefined && { retryForMs: settings.patienceMs }),
    });
    this.coordinator = createRunCoordinator({
      clock,
      log: this.log,
      events: this.events,
      delivery: this.delivery,
      encoding: this.sink.encoding,
      closeBatchAfterMs: 20,
      concurrency,
      runTimeoutMs,
    });
  }

  /** A policy whose runs do these steps. */
  async policy(
    name: string,
    steps: readonly Step[],
    more: Partial<RunnablePolicy> = {},
  ): Promise<RunnablePolicy> {
    const lease = await this.host.open('scripted');
    this.#leases.push(lease);
    return policyOf(name, lease, steps, more);
  }

  fire(policy: RunnablePolicy, dueAt = systemClock.now(), trigger: RunTrigger = 'cron'): Readonly<Run> {
    let opened: Readonly<Run> | undefined;
    const off = this.events.on('run:opened', ({ run }) => {
      opened = run;
    });
    this.coordinator.fire(policy, trigger, dueAt);
    off();
    if (!opened) throw new Error('no run was opened');
    return opened;
  }

  /** Resolves when the run is in this state, or in its final one. */
  async reaches(run: Readonly<Run>, status: RunStatus): Promise<Readonly<Run>> {
    await vi.waitUntil(() => run.status === status || isFinal(run.status), { interval: 2, timeout: 10_000 });
    return run;
  }

  async finished(run: Readonly<Run>): Promise<Readonly<Run>> {
    if (!isFinal(run.status)) await this.next('run:finished', (event) => event.run === run);
    return run;
  }

  /** The next event of this name that is meant. */
  next<Name extends EventName>(
    name: Name,
    isMeant: (event: DaemonEvents[Name]) => boolean = () => true,
  ): Promise<DaemonEvents[Name]> {
    return new Promise((resolve) => {
      const off = this.events.on(name, (event) => {
        if (!isMeant(event)) return;
        off();
        resolve(event);
      });
    });
  }

  /** A file that is not there yet, and what makes it. */
  gate(): { path: string; open(): void } {
    const path = join(this.#directory, `gate-${this.#files++}`);
    return { path, open: () => writeFileSync(path, '') };
  }

  eventsOf(run: Readonly<Run>): EventName[] {
    return this.seen.filter((event) => event.run === run.id).map((event) => event.name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.sink.release();
    await this.coordinator.stop(0);
    for (const lease of this.#leases) lease.close();
    if (this.#ownsHost) await this.host.stop();
    rmSync(this.#directory, { recursive: true });
  }
}

function policyOf(
  name: string,
  lease: BackendLease,
  steps: readonly Step[],
  more: Partial<RunnablePolicy>,
): RunnablePolicy {
  return {
    name,
    number: 0,
    runName: name,
    lease,
    payload: serialize({ config: { package: 'scripted', steps }, scope: null }),
    overlap: 'skip',
    kind: 'cron',
    retry: { times: 0, backoffMs: 10_000 },
    overlapGroup: {},
    timeoutMs: undefined,
    secrets: [],
    catchUp: () => undefined,
    whenSettled: () => undefined,
    home: () => undefined,
    isDeleted: false,
    ...more,
  };
}
