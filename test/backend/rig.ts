import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { serialize } from 'node:v8';
import { type Logger, pino } from 'pino';
import { createBackendHost } from '../../src/backend/create-host.ts';
import type {
  BackendHost,
  BackendLease,
  Execution,
  ExecutionOutcome,
  Ingest,
  Life,
  LifeRequest,
  RunHandlers,
  RunRequest,
} from '../../src/backend/host.ts';
import { type Clock, systemClock } from '../../src/clock.ts';
import type { Batch } from '../../src/sink/contract.ts';

const packagesOfTests = fileURLToPath(new URL('../support/backends/', import.meta.url));

export interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly package?: string;
}

export interface RigOptions {
  readonly clock?: Clock;
  readonly memoryMiB?: number;
  readonly bundlesRoot?: string;
  readonly backendsDirs?: readonly string[];
  readonly workingDirectory?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** A real host over real packages, with what it logs; disposing it stops the host. */
export class Rig implements AsyncDisposable {
  readonly host: BackendHost;
  readonly lines: LogLine[] = [];

  constructor(options: RigOptions = {}) {
    this.host = createBackendHost({
      clock: options.clock ?? systemClock,
      log: logInto(this.lines),
      bundlesRoot: options.bundlesRoot,
      backendsDirs: options.backendsDirs ?? [packagesOfTests],
      workingDirectory: options.workingDirectory ?? packagesOfTests,
      memoryMiB: options.memoryMiB ?? 256,
      env: options.env ?? { PATH: process.env.PATH },
    });
  }

  /** Children that have a package: the spare is not among them. */
  get pids(): number[] {
    return this.host.children().flatMap((child) => (child.package === undefined ? [] : [child.pid]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.host.stop();
  }
}

function logInto(lines: LogLine[]): Logger {
  return pino({ level: 'debug' }, { write: (line: string) => lines.push(JSON.parse(line)) });
}

/** A run under way and what came of it so far. */
export interface WatchedRun {
  readonly execution: Execution;
  readonly outcome: Promise<ExecutionOutcome>;
  readonly entered: Promise<void>;
  readonly batches: Batch[];
  readonly logs: { level: string; message: string }[];
  readonly progress: { done: number; total: number | undefined }[];
  /** What its code began beside it. */
  readonly aside: Aside;
  /** The entities of all batches so far, read back. */
  entities(): unknown[];
}

export interface RunOptions {
  readonly config?: Record<string, unknown>;
  readonly request?: Partial<Omit<RunRequest, 'handlers'>>;
  readonly handlers?: Partial<RunHandlers>;
}

/** An ingest under way, and what came of it so far. */
export interface WatchedIngest {
  readonly ingest: Ingest;
  readonly batches: Batch[];
  entities(): unknown[];
}

/** What the code of a run or a life begins by itself. */
export class Aside {
  readonly ingests: WatchedIngest[] = [];
  readonly failures: string[] = [];
  /** How it is answered when all was handed over; undefined: everything is safe. */
  refusal: string | undefined;
  /** Why none is opened. */
  closedFor: string | undefined;
  /** What a batch waits for. */
  reserve: () => Promise<void> = () => Promise.resolve();

  readonly handlers = {
    ingest: (begin: (request: RunRequest) => Ingest): void => this.#open(begin),
    recordFailure: (reason: string): void => void this.failures.push(reason),
  };

  #open(begin: (request: RunRequest) => Ingest): void {
    if (this.closedFor !== undefined) throw new Error(this.closedFor);
    const batches: Batch[] = [];
    const ingest = begin({
      identity: {
        runId: `run-${++runCount}`,
        policyName: 'edge',
        backend: 'b',
        appName: 'a',
        appVersion: '1',
      },
      payload: Buffer.alloc(0),
      encoding: 'json',
      closeBatchAfterMs: 1_000,
      alone: false,
      life: undefined,
      handlers: {
        entered: () => undefined,
        progress: () => undefined,
        log: () => undefined,
        reserve: () => this.reserve(),
        batch: (batch) => batches.push(batch),
        ...this.handlers,
      },
    });
    this.ingests.push({ ingest, batches, entities: () => entitiesOf(batches) });
    void ingest.outcome.then(({ kind }) => {
      if (kind === 'returned') ingest.answer(this.refusal);
      else if (kind === 'cancelled') ingest.answer('cancelled by the test');
    });
  }
}

/** A policy that lives in a child. */
export interface WatchedLife {
  readonly life: Life;
  readonly up: Promise<void>;
  readonly logs: { level: string; message: string }[];
  readonly aside: Aside;
}

/** Sets a policy with this scope up. */
export function setUp(lease: BackendLease, scope: unknown, request: Partial<LifeRequest> = {}): WatchedLife {
  if (lease.setUp === undefined) throw new Error(`${lease.package.name} has no setup`);
  const up = Promise.withResolvers<void>();
  const logs: WatchedLife['logs'] = [];
  const aside = new Aside();
  const life = lease.setUp({
    policyName: 'edge',
    payload: payloadOf(scope, { package: lease.package.name }),
    apart: false,
    ...request,
    handlers: {
      up: up.resolve,
      log: (level, message) => logs.push({ level, message }),
      ...aside.handlers,
    },
  });
  return { life, up: up.promise, logs, aside };
}

function entitiesOf(batches: readonly Batch[]): unknown[] {
  return batches.flatMap(({ bytes }) => JSON.parse(`[${bytes.toString()}]`));
}

let runCount = 0;

/** Starts a run with this scope; there is always room for its batches unless the handlers say otherwise. */
export function startRun(
  lease: Pick<BackendLease, 'package' | 'description' | 'run'>,
  scope: unknown,
  options: RunOptions = {},
): WatchedRun {
  const runId = `run-${++runCount}`;
  const { name, app_name, app_version } = lease.description;
  const batches: Batch[] = [];
  const logs: WatchedRun['logs'] = [];
  const progress: WatchedRun['progress'] = [];
  const aside = new Aside();
  const enter = Promise.withResolvers<void>();
  const execution = lease.run({
    identity: { runId, policyName: 'edge', backend: name, appName: app_name, appVersion: app_version },
    payload: payloadOf(scope, { package: lease.package.name, ...options.config }),
    encoding: 'json',
    closeBatchAfterMs: 1_000,
    alone: false,
    life: undefined,
    ...options.request,
    handlers: {
      ...aside.handlers,
      entered: enter.resolve,
      progress: (done, total) => progress.push({ done, total }),
      log: (level, message) => logs.push({ level, message }),
      reserve: () => Promise.resolve(),
      batch: (batch) => batches.push(batch),
      ...options.handlers,
    },
  });
  return {
    execution,
    outcome: execution.outcome,
    entered: enter.promise,
    batches,
    logs,
    progress,
    aside,
    entities: () => entitiesOf(batches),
  };
}

/** A policy as the daemon hands it over. */
export function payloadOf(scope: unknown, config: Record<string, unknown> = {}): Buffer {
  return serialize({ config, scope });
}

/** A folder of packages made for one test. */
export class PackageFolder implements AsyncDisposable {
  readonly path: string;

  private constructor(folder: string) {
    this.path = folder;
  }

  static async create(): Promise<PackageFolder> {
    return new PackageFolder(await realpath(await mkdtemp(path.join(tmpdir(), 'orb-worker-test-'))));
  }

  /** Writes a package: `package.json` from `manifest`, and its files. Returns its folder. */
  async add(name: string, files: Record<string, string>, manifest: object = {}): Promise<string> {
    const folder = path.join(this.path, name);
    const all = {
      'package.json': JSON.stringify({ type: 'module', version: '1.0.0', ...manifest }),
      ...files,
    };
    for (const [file, text] of Object.entries(all)) {
      await mkdir(path.dirname(path.join(folder, file)), { recursive: true });
      await writeFile(path.join(folder, file), text);
    }
    return folder;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }
}

/** The source of a backend that does nothing, but for what `members` say. */
export function backendSource(members = '', before = ''): string {
  return `${before}
    export default {
      describe: () => ({ name: 'made', app_name: 'made-app', app_version: '1' }),
      run: () => [],
      ${members}
    };`;
}
