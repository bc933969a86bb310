import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const root = fileURLToPath(new URL('../..', import.meta.url));
const program = path.join('dist', 'main.js');

const usualPort = 8071;
const patienceMs = 30_000;
const pollEveryMs = 50;
const linesKept = 20;

const runsSchema = z.object({
  runs: z.array(z.object({ status: z.string(), reason: z.string(), entity_count: z.number() })),
});
type Run = z.output<typeof runsSchema>['runs'][number];

/** The built daemon as a process beside this one, spoken to over HTTP as anybody would. */
export class DemoDaemon {
  readonly command: string;
  /** Rejects when the process ends without being asked to, with its last lines; never resolves. */
  readonly ended: Promise<never>;
  readonly #process: ChildProcess;
  readonly #lines: string[] = [];
  #url = '';
  #stopping = false;

  private constructor(flags: readonly string[]) {
    this.command = ['npm start --', ...flags].join(' ').replaceAll(/ (?=--\w)/g, ' \\\n  ');
    // A process group of its own: Ctrl-C reaches this program alone, which then stops the daemon once and waits.
    this.#process = spawn(process.execPath, [program, ...flags], {
      cwd: root,
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.ended = once(this.#process, 'exit').then(([status, signal]) =>
      this.#stopping
        ? new Promise<never>(() => undefined)
        : this.#fail(`the daemon ended (${status ?? signal})`),
    );
    this.ended.catch(() => undefined);
  }

  /** Starts it on loopback, on its usual port or on a free one; rejects with the reason and its last lines. */
  static async start(flags: readonly string[]): Promise<DemoDaemon> {
    if (!existsSync(path.join(root, program))) {
      throw new Error(`${program} is missing: 'npm ci' builds it, 'npm run build' does it again`);
    }
    // Tried, not asked for: another program could take the port between question and start.
    return DemoDaemon.#startOn(usualPort, flags).catch(() => DemoDaemon.#startOn(0, flags));
  }

  static async #startOn(port: number, flags: readonly string[]): Promise<DemoDaemon> {
    const daemon = new DemoDaemon(['--host', '127.0.0.1', '--port', String(port), ...flags]);
    try {
      await daemon.#becomesReady();
      return daemon;
    } catch (error) {
      await daemon.stop();
      throw error;
    }
  }

  /** `http://127.0.0.1:PORT`. */
  get url(): string {
    return this.#url;
  }

  /** POSTs a policy document; resolves to the reply in one line. */
  async apply(document: string): Promise<string> {
    const reply = await fetch(`${this.#url}/api/v1/policies`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-yaml' },
      body: document,
    });
    const text = `${reply.status} ${await reply.text()}`;
    return reply.ok ? text : this.#fail(`the policy was refused: ${text}`);
  }

  /** Waits for the policy's first run to end well. */
  async finishedRun(policy: string): Promise<Run> {
    const run = await this.#eventually(`the run of ${policy} to end`, async () => {
      const reply = await fetch(`${this.#url}/api/v1/runs?policy=${encodeURIComponent(policy)}`);
      const [latest] = runsSchema.parse(await reply.json()).runs;
      return latest && ['pending', 'running', 'delivering'].includes(latest.status) ? undefined : latest;
    });
    return run.status === 'completed' ? run : this.#fail(`the run has ${run.status}: ${run.reason}`);
  }

  /** Resolves once the process is gone. */
  async stop(): Promise<void> {
    this.#stopping = true;
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const exit = once(this.#process, 'exit');
    this.#process.kill('SIGTERM');
    await exit;
  }

  async #becomesReady(): Promise<void> {
    const listening = Promise.withResolvers<string>();
    if (this.#process.stderr === null) return this.#fail('the daemon has no output');
    createInterface({ input: this.#process.stderr }).on('line', (line) => {
      this.#lines.push(line);
      this.#lines.splice(0, this.#lines.length - linesKept);
      const url = /Listening on (http:\/\/\S+:\d+)/.exec(line)?.[1];
      if (url !== undefined) listening.resolve(url);
    });
    this.#url = await this.#within('the daemon to listen', listening.promise);
    await this.#eventually('the daemon to be ready', async () =>
      (await fetch(`${this.#url}/readyz`)).ok ? true : undefined,
    );
  }

  async #eventually<T>(what: string, attempt: () => Promise<T | undefined>): Promise<T> {
    const endsAt = performance.now() + patienceMs;
    while (performance.now() < endsAt) {
      const result = await this.#within(what, attempt());
      if (result !== undefined) return result;
      await sleep(pollEveryMs);
    }
    return this.#fail(`waited ${patienceMs / 1000} s for ${what}`);
  }

  #within<T>(what: string, promise: Promise<T>): Promise<T> {
    const tooLate = sleep(patienceMs, undefined, { ref: false }).then(() =>
      this.#fail(`waited ${patienceMs / 1000} s for ${what}`),
    );
    tooLate.catch(() => undefined);
    return Promise.race([promise, this.ended, tooLate]);
  }

  #fail(reason: string): never {
    const tail = this.#lines.map((line) => `  ${line}`).join('\n');
    throw new Error(`${reason}\n${tail && `The daemon's last lines:\n${tail}`}`.trim());
  }
}
