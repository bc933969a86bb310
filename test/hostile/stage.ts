import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Answer, RealDaemon } from '../support/real-daemon.ts';

/** Where the hostile packages are, a folder each. */
export const backends = fileURLToPath(new URL('backends', import.meta.url));

const LOOK_AGAIN_MS = 50;
const PROBE_EVERY_MS = 10;
/** What a backend that behaves well yields is far smaller. */
const LARGEST_FILE_BYTES = 2 ** 20;

/** A policy to put on stage; `scope` says whether its run behaves. */
export interface Role {
  readonly package: string;
  readonly scope?: unknown;
  readonly schedule?: string;
  readonly timeout?: string;
}

export interface ShownRun {
  readonly id: string;
  readonly policy: string;
  readonly status: string;
  readonly reason: string;
  readonly retry_of: string | null;
  readonly entity_count: number;
}

/** The built daemon in a folder of its own, where hostile and well-behaved backends meet; asked for its status all the time. */
export class Stage implements AsyncDisposable {
  readonly daemon: RealDaemon;
  /** How long `GET /api/v1/status` took each time, ms. */
  readonly answerTimes: number[] = [];
  readonly #folder: string;
  readonly #mark: string;
  readonly #end = new AbortController();

  private constructor(daemon: RealDaemon, folder: string) {
    this.daemon = daemon;
    this.#folder = folder;
    this.#mark = path.basename(folder);
    void this.#probe();
  }

  static async open(flags: readonly string[] = []): Promise<Stage> {
    const folder = mkdtempSync(path.join(tmpdir(), 'orb-worker-hostile-'));
    const output = ['--dry-run', '--dry-run-output-dir', path.join(folder, 'output')];
    const daemon = await RealDaemon.start([...output, '--backends-dir', backends, ...flags], {
      cwd: folder,
      env: { HOSTILE_STAGE: path.basename(folder) },
    });
    return new Stage(daemon, folder);
  }

  get pid(): number {
    return this.daemon.process.pid ?? 0;
  }

  apply(roles: Record<string, Role>): Promise<Answer> {
    const policies = Object.entries(roles).map(([name, { scope = null, timeout, ...config }]) => [
      name,
      { config, scope, run: { timeout } },
    ]);
    return this.daemon.apply(JSON.stringify({ policies: Object.fromEntries(policies) }));
  }

  /** The runs of a policy, the oldest first. */
  async runs(policy: string): Promise<readonly ShownRun[]> {
    const answer = await this.daemon.request(`/api/v1/runs?limit=1000&policy=${policy}`);
    return answer.json<{ runs: ShownRun[] }>().runs.toReversed();
  }

  /** Resolves with its runs when none of them is on its way any more. */
  async ended(policy: string): Promise<readonly ShownRun[]> {
    for (;;) {
      const runs = await this.runs(policy);
      if (runs.length > 0 && runs.every(({ status }) => isFinal(status))) return runs;
      await sleep(LOOK_AGAIN_MS);
    }
  }

  /** What a run that behaved well has delivered: the numbers of its entities, as often as they came. */
  delivered({ policy, id }: ShownRun): readonly number[] {
    const folder = path.join(this.#folder, 'output');
    const entity = new RegExp(`"${policy} ${id} (\\d+)"`, 'g');
    return readdirSync(folder)
      .filter((name) => name.endsWith('.json'))
      .map((name) => path.join(folder, name))
      .filter((file) => statSync(file).size < LARGEST_FILE_BYTES)
      .flatMap((file) => [...readFileSync(file, 'utf8').matchAll(entity)])
      .map(([, index]) => Number(index));
  }

  /** Every process that the daemon, or what it started, has started, whoever's child it is by now. */
  processes(): readonly number[] {
    return readdirSync('/proc')
      .map(Number)
      .filter((pid) => pid > 0 && pid !== this.pid && environmentOf(pid).includes(this.#mark));
  }

  /** Those of them that lead a session of their own: `setsid` takes them out of their child's group. */
  sessions(): readonly number[] {
    return this.processes().filter((pid) => commandOf(pid) === 'sleep' && sessionOf(pid) === pid);
  }

  /** Open descriptors and threads of the daemon. */
  belongings(): { descriptors: number; threads: number } {
    const count = (what: string): number => readdirSync(`/proc/${this.pid}/${what}`).length;
    return { descriptors: count('fd'), threads: count('task') };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stopProbing();
    await this.daemon[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  stopProbing(): void {
    this.#end.abort();
  }

  async #probe(): Promise<void> {
    while (!this.#end.signal.aborted) {
      const began = performance.now();
      try {
        await this.daemon.request('/api/v1/status');
      } catch {
        return;
      }
      this.answerTimes.push(performance.now() - began);
      await sleep(PROBE_EVERY_MS);
    }
  }
}

function isFinal(status: string): boolean {
  return !['pending', 'running', 'delivering'].includes(status);
}

/** `''` for a process that is gone, or somebody else's. */
function environmentOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1');
  } catch {
    return '';
  }
}

function commandOf(pid: number): string {
  return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
}

function sessionOf(pid: number): number {
  return Number(
    readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ')[3],
  );
}
