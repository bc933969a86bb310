import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import { BackendError, UnavailableError } from '../errors.ts';
import { RunExecution } from './execution.ts';
import { type FoundPackage, loadError } from './find-package.ts';
import type {
  BackendHost,
  BackendLease,
  Execution,
  Life,
  LifeRequest,
  PackageCrashWait,
  PolicyPayload,
  RunRequest,
  SchemaFinding,
} from './host.ts';
import { KnownPackages } from './known-packages.ts';
import { findLauncher } from './launcher.ts';
import { PolicyLife } from './policy-life.ts';
import { Pool } from './pool.ts';
import type { Introduction } from './questions.ts';
import { QuestionError } from './questions.ts';
import { Spares } from './spares.ts';
import { endOrphans } from './stragglers.ts';

export interface BackendHostOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly bundlesRoot: string | undefined;
  /** Each `--backends-dir`. */
  readonly backendsDirs: readonly string[];
  /** Where `node_modules` is looked for, and where backends run. */
  readonly workingDirectory: string;
  /** Heap limit of each child. */
  readonly memoryMiB: number;
  /** What children inherit, without the daemon's own secrets. */
  readonly env: NodeJS.ProcessEnv;
}

/** Runs backend packages in child processes of this machine. */
export function createBackendHost(options: BackendHostOptions): BackendHost {
  return new ProcessHost(options);
}

/** A version of a package that policies name: its children, and how many hold on to it. */
interface Opened {
  readonly found: FoundPackage;
  readonly pool: Pool;
  holds: number;
  /** Asked now, for everybody who asks meanwhile. */
  describing: Promise<Introduction> | undefined;
}

class ProcessHost implements BackendHost {
  readonly #options: BackendHostOptions;
  readonly #log: Logger;
  readonly #packages: KnownPackages;
  readonly #opened = new Map<string, Opened>();
  /** All that were opened and may still have children. */
  readonly #pools = new Set<Pool>();
  #makingSpares: Promise<Spares> | undefined;
  #spares: Spares | undefined;
  #keepsSpare = false;
  #numbers = 0;
  #isStopped = false;

  constructor(options: BackendHostOptions) {
    this.#options = options;
    this.#log = options.log.child({ module: 'backend' });
    this.#packages = new KnownPackages(options);
  }

  async open(packageName: string): Promise<BackendLease> {
    const found = await this.#packages.find(packageName);
    this.#makingSpares ??= this.#makeSpares();
    const spares = await this.#makingSpares;
    if (this.#isStopped) throw new UnavailableError('the daemon is stopping');
    const opened = this.#hold(found, spares);
    try {
      const { description, isResident } = await describe(opened);
      this.#keepsSpare = true;
      spares.keepOne();
      const setUp = isResident ? (request: LifeRequest): Life => this.#setUp(opened, request) : undefined;
      return { ...this.#lease(opened, spares), description, link: found.link, setUp };
    } catch (error) {
      await this.#release(opened, spares);
      throw this.#isStopped ? new UnavailableError('the daemon is stopping') : error;
    }
  }

  children(): ReturnType<BackendHost['children']> {
    const all = [...this.#pools].flatMap((pool) => [...pool.children()]);
    const spare = this.#spares?.current;
    if (spare !== undefined) all.push(spare);
    return all.flatMap(({ pid, packageName, work }) =>
      pid === undefined ? [] : [{ pid, package: packageName, runs: work.runs.size }],
    );
  }

  crashWaits(): readonly PackageCrashWait[] {
    const found: PackageCrashWait[] = [];
    for (const { packageName, crashWait } of this.#pools) {
      if (crashWait !== undefined) found.push({ package: packageName, ...crashWait });
    }
    return found;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#keepsSpare = false;
    await this.#makingSpares;
    await Promise.all([this.#spares?.drop(), ...[...this.#pools].map((pool) => pool.stop())]);
  }

  async #makeSpares(): Promise<Spares> {
    const { clock, memoryMiB, env, workingDirectory } = this.#options;
    void this.#endOrphans();
    const launcher = await findLauncher(env);
    this.#spares = new Spares({
      clock,
      memoryMiB,
      env,
      workingDirectory,
      launcher,
      log: this.#log,
      newNumber: () => this.#newNumber(),
    });
    return this.#spares;
  }

  /** What backends of a daemon that was killed may have left. */
  async #endOrphans(): Promise<void> {
    const count = await endOrphans();
    if (count > 0) this.#log.warn(`Ended ${count} processes that backends of a dead daemon had left behind`);
  }

  #hold(found: FoundPackage, spares: Spares): Opened {
    const opened = this.#opened.get(found.fingerprint) ?? this.#openPool(found, spares);
    opened.holds++;
    return opened;
  }

  #openPool(found: FoundPackage, spares: Spares): Opened {
    const pool = new Pool({
      located: found,
      clock: this.#options.clock,
      log: this.#log.child({ package: found.name }),
      takeChild: () => spares.take(),
      onLoaded: () => {
        if (this.#keepsSpare) spares.keepOne();
      },
      onEmpty: () => this.#pools.delete(pool),
    });
    const opened: Opened = { found, pool, holds: 0, describing: undefined };
    this.#pools.add(pool);
    this.#opened.set(found.fingerprint, opened);
    return opened;
  }

  async #release(opened: Opened, spares: Spares): Promise<void> {
    if (--opened.holds > 0) return;
    this.#opened.delete(opened.found.fingerprint);
    const isLast = this.#opened.size === 0;
    if (isLast) this.#keepsSpare = false;
    await Promise.all([opened.pool.close(), isLast ? spares.drop() : undefined]);
  }

  #lease(opened: Opened, spares: Spares): Omit<BackendLease, 'description' | 'link' | 'setUp'> {
    let isClosed = false;
    return {
      package: opened.found,
      check: (payloads, secrets) => check(opened, payloads, secrets),
      run: (request) => this.#run(opened, request),
      crashWait: () => opened.pool.crashWait,
      close: () => {
        if (!isClosed) void this.#release(opened, spares);
        isClosed = true;
      },
    };
  }

  #run({ pool }: Opened, request: RunRequest): Execution {
    const execution = new RunExecution(this.#newNumber(), request, this.#options.clock);
    if (this.#isStopped) execution.cancel(0);
    else pool.run(execution);
    return execution;
  }

  #setUp({ pool }: Opened, request: LifeRequest): Life {
    const life = new PolicyLife(this.#newNumber(), request, this.#options.clock);
    if (this.#isStopped) life.end(0);
    else pool.setUp(life);
    return life;
  }

  #newNumber(): number {
    return ++this.#numbers;
  }
}

/** Those who ask while it is being asked share the answer. */
function describe(opened: Opened): Promise<Introduction> {
  opened.describing ??= askForDescription(opened).finally(() => {
    opened.describing = undefined;
  });
  return opened.describing;
}

async function askForDescription({ pool, found }: Opened): Promise<Introduction> {
  try {
    return await pool.ask((child) => child.describe());
  } catch (error) {
    if (!(error instanceof QuestionError)) throw error;
    throw error.kind === 'thrown' ? new BackendError(error.message) : loadError(found.name, error.message);
  }
}

async function check(
  { pool, found }: Opened,
  payloads: readonly PolicyPayload[],
  secrets: readonly string[],
): Promise<readonly (readonly SchemaFinding[])[]> {
  pool.hide(secrets);
  try {
    return await pool.ask((child) => Promise.all(payloads.map((payload) => child.check(payload))));
  } catch (error) {
    if (!(error instanceof QuestionError)) throw error;
    throw new BackendError(`The schemas of package '${found.name}' could not be used: ${error.message}`);
  }
}
